// One run: what it does or did, live.

import { html, useEffect, useState } from "./html.js";
import { getJson } from "./api.js";
import { useNow } from "./clock.js";
import { ConnectionState } from "./connection_state.js";
import { ErrorNotice, Loading } from "./feedback.js";
import { shortRunId } from "./formatting.js";
import { useLoaded } from "./loading.js";
import { href, replaceAddress } from "./router.js";
import { RunActions } from "./runs/actions.js";
import { RunError } from "./runs/error.js";
import { RunFacts } from "./runs/facts.js";
import { useRun } from "./runs/following.js";
import { RunLog } from "./runs/log.js";
import { RunOutputs } from "./runs/outputs.js";
import { listNodes } from "./runs/progress.js";
import { RunRequest } from "./runs/request.js";
import { isFinal, StatusBadge, statusWord } from "./status.js";
import { Tabs } from "./tabs.js";
import { Timeline } from "./runs/timeline.js";

const TICK_MS = 250;
const SLICE_FIELDS = ["tags", "node_names", "from_nodes", "to_nodes", "from_inputs", "to_outputs", "namespaces", "only_missing_outputs"];

export default function Run({ params, query }) {
  const { run, progress, state, error, reload } = useRun(params.runId);
  const [failure, setFailure] = useState(null);
  const now = useNow(run !== undefined && !isFinal(run), TICK_MS);
  const nodes = useNodes(run, progress);
  useEffect(() => {
    if (run) document.title = `${statusWord(run.status)}: ${run.pipeline_names.join(", ")} · kedro-asgi`;
  }, [run?.status]);
  if (!run) return error ? html`<${ErrorNotice} error=${error} onRetry=${reload} />` : html`<${Loading} />`;
  const node = query.get("node");
  const show = (changes) => replaceAddress(href(["runs", params.runId], { ...Object.fromEntries(query), ...changes }));
  const tabs = [
    { id: "nodes", title: "Nodes", count: nodes.length, view: () => html`<${RunTimeline} run=${run} progress=${progress} nodes=${nodes} now=${now} node=${node} onNode=${(name) => show({ node: name })} />` },
    { id: "log", title: "Log", count: progress.log.length, view: () => html`<${RunLog} lines=${progress.log} lost=${progress.lost} node=${node} onNode=${(name) => show({ node: name })} />` },
    { id: "outputs", title: "Outputs", count: run.outputs.length + run.saved.length, view: () => html`<${RunOutputs} run=${run} />` },
    { id: "request", title: "Request", view: () => html`<${RunRequest} run=${run} />` },
  ];
  return html`<header class="page-head">
      <h1>Run <span class="mono run-id" title=${run.run_id}>${shortRunId(run.run_id)}</span></h1>
      <${StatusBadge} status=${run.status} isStopping=${run.is_stopping} />
      ${!isFinal(run) && html`<${ConnectionState} state=${state} />`}
      <${RunActions} run=${run} onError=${setFailure} onChanged=${reload} />
    </header>
    <div class="stack">
      ${failure && html`<${ErrorNotice} error=${failure} />`}
      ${error && html`<${ErrorNotice} error=${error} onRetry=${reload} />`}
      <${RunFacts} run=${run} now=${now} />
      ${run.error && html`<${RunError} error=${run.error} onNode=${(name) => show({ node: name, tab: "log" })} />`}
      <section class="card"><${Tabs} label="Parts of the run" tabs=${tabs} chosen=${query.get("tab")} onChoose=${(tab) => show({ tab })} /></section>
    </div>`;
}

// Return the nodes of the run: those that have started, and the others of its pipelines.
function useNodes(run, progress) {
  const names = run?.pipeline_names ?? [];
  const load = (signal) => Promise.all(names.map((name) => getJson(["pipelines", name], { signal })));
  // A pipeline that the project no longer has leaves the nodes of the events.
  const { value = [] } = useLoaded(load, [names.join("\n")]);
  if (!run) return [];
  // A filter leaves nodes out, and only the server knows which.
  const all = SLICE_FIELDS.some((field) => run.request[field]) ? [] : value.flatMap(({ nodes }) => nodes);
  return listNodes(progress, [...new Map(all.map((node) => [node.name, node])).values()], isFinal(run));
}

function RunTimeline({ run, progress, nodes, now, node, onNode }) {
  if (!nodes.length) return html`<p class="muted">${isFinal(run) ? "No node has run." : "No node has started yet."}</p>`;
  const start = progress.startedAt ?? Date.parse(run.started_at ?? run.created_at);
  const end = progress.endedAt ?? (isFinal(run) ? Date.parse(run.ended_at) : now);
  return html`<${Timeline} nodes=${nodes} start=${start} end=${end} chosen=${node} onChoose=${onNode} />`;
}

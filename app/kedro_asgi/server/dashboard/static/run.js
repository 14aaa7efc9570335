// One run: what it does or did, live.

import { html, useEffect, useState } from "./html.js";
import { useNow } from "./clock.js";
import { ConnectionState } from "./connection_state.js";
import { ErrorNotice, Loading } from "./feedback.js";
import { shortRunId } from "./formatting.js";
import { href, replaceAddress } from "./router.js";
import { RunActions } from "./runs/actions.js";
import { RunError } from "./runs/error.js";
import { RunFacts } from "./runs/facts.js";
import { useRun } from "./runs/following.js";
import { RunLog } from "./runs/log.js";
import { NodePanel, useNodes } from "./runs/node_panel.js";
import { RunOutputs } from "./runs/outputs.js";
import { RunRequest } from "./runs/request.js";
import { isFinal, StatusBadge, statusWord } from "./status.js";
import { Tabs } from "./tabs.js";

const TICK_MS = 250;

export default function Run({ params, query }) {
  const { run, progress, state, error, reload } = useRun(params.runId);
  const [failure, setFailure] = useState(null);
  const now = useNow(run !== undefined && !isFinal(run), TICK_MS);
  const { pipelines, nodes } = useNodes(run, progress);
  useEffect(() => {
    if (run) document.title = `${statusWord(run.status)}: ${run.pipeline_names.join(", ")} · kedro-asgi`;
  }, [run?.status]);
  if (!run) return error ? html`<${ErrorNotice} error=${error} onRetry=${reload} />` : html`<${Loading} />`;
  const node = query.get("node");
  const show = (changes) => replaceAddress(href(["runs", params.runId], { ...Object.fromEntries(query), ...changes }));
  const choose = (name) => show({ node: name });
  const tabs = [
    {
      id: "nodes",
      title: "Nodes",
      count: nodes.length,
      view: () => html`<${NodePanel} run=${run} progress=${progress} pipelines=${pipelines} nodes=${nodes} now=${now}
        chosen=${node} onChoose=${choose} onLog=${() => show({ tab: "log" })} />`,
    },
    {
      id: "log",
      title: "Log",
      count: progress.log.length,
      view: () => html`<${RunLog} lines=${progress.log} dropped=${progress.dropped} lost=${progress.lost}
        isBatched=${progress.batches.length > 0} node=${node} onNode=${choose} />`,
    },
    {
      id: "outputs",
      title: "Outputs",
      count: run.outputs.length + run.saved.length,
      view: () => html`<${RunOutputs} run=${run} pipelines=${pipelines} />`,
    },
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
      <${RunFacts} run=${run} progress=${progress} now=${now} />
      ${run.error && html`<${RunEnd} run=${run} onNode=${(name) => show({ node: name, tab: "log" })} />`}
      <section class="card">
        <${Tabs} label="Parts of the run" tabs=${tabs} chosen=${query.get("tab")} onChoose=${(tab) => show({ tab })} />
      </section>
    </div>`;
}

// A run that was stopped has no error of its own.
function RunEnd({ run, onNode }) {
  if (run.status === "failure") return html`<${RunError} error=${run.error} onNode=${onNode} />`;
  return html`<p class="notice warning">${run.error.message}</p>`;
}

// The nodes of a run: their graph, their time line, and what one can do with the chosen one.

import { html, useMemo } from "../html.js";
import { getJson } from "../api.js";
import { formatCount, formatDuration } from "../formatting.js";
import { useLoaded } from "../loading.js";
import { href } from "../router.js";
import { isFinal, statusWord } from "../status.js";
import { listNodes } from "./progress.js";
import { RunGraph } from "./run_graph.js";
import { Timeline } from "./timeline.js";

const SLICE_FIELDS = ["tags", "node_names", "from_nodes", "to_nodes", "from_inputs", "to_outputs", "namespaces", "only_missing_outputs"];

// Return `{pipelines, nodes}`: the descriptions of the run's pipelines, and its nodes with their states.
export function useNodes(run, progress) {
  const names = run?.pipeline_names ?? [];
  const load = (signal) => Promise.all(names.map((name) => getJson(["pipelines", name], { query: { parameters: false }, signal })));
  // A pipeline that the project no longer has leaves the nodes of the events.
  const { value: pipelines = [] } = useLoaded(load, [names.join("\n")]);
  const nodes = useMemo(() => (run ? allNodes(run, progress, pipelines) : []), [run, progress, pipelines]);
  return { pipelines, nodes };
}

function allNodes(run, progress, pipelines) {
  // A filter leaves nodes out, and only the server knows which.
  const isSliced = SLICE_FIELDS.some((field) => run.request[field]);
  const listed = isSliced ? [] : pipelines.flatMap(({ nodes }) => nodes);
  return listNodes(progress, [...new Map(listed.map((node) => [node.name, node])).values()], isFinal(run));
}

export function NodePanel({ run, progress, pipelines, nodes, now, chosen, onChoose, onLog }) {
  const start = progress.startedAt ?? Date.parse(run.started_at ?? run.created_at);
  const end = progress.endedAt ?? (isFinal(run) ? Date.parse(run.ended_at) : now);
  const node = nodes.find(({ name }) => name === chosen);
  return html`<div class="node-panel">
    ${pipelines.length > 0 && html`<${RunGraph} pipelines=${pipelines} nodes=${nodes} chosen=${chosen} onChoose=${onChoose} />`}
    ${node && html`<${NodeBar} run=${run} node=${node} onLog=${onLog} />`}
    ${nodes.length
      ? html`<${Timeline} nodes=${nodes} start=${start} end=${end} chosen=${chosen} onChoose=${onChoose} />`
      : html`<p class="muted">${isFinal(run) ? "No node has run." : "No node has started yet."}</p>`}
  </div>`;
}

function NodeBar({ run, node, onLog }) {
  const facts = [statusWord(node.status)];
  if (node.durationMs !== undefined) facts.push(formatDuration(node.durationMs));
  if (node.failedAttempts?.length) facts.push(`${formatCount(node.failedAttempts.length, "failed attempt")}: ${node.failedAttempts.at(-1).error}`);
  if (node.saved.length) facts.push(`saved ${node.saved.join(", ")}`);
  const rerun = href(["start", ...run.pipeline_names.slice(0, 1)], { from: run.run_id, from_nodes: node.name });
  return html`<div class="node-bar notice" role="status">
    <strong>${node.name}</strong><span>${facts.join(" · ")}</span>
    <span class="actions"><button type="button" onClick=${onLog}>Show its log</button><a class="button" href=${rerun}>Run from here</a></span>
  </div>`;
}

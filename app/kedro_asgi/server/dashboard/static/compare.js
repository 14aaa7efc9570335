// Two runs side by side: their facts, parameters, node durations and outputs.

import { html, useEffect, useReducer, useState } from "./html.js";
import { getJson } from "./api.js";
import { CompareOutputs } from "./runs/comparison_outputs.js";
import { ComparisonTable } from "./runs/comparison_table.js";
import { followEvents } from "./event_stream.js";
import { ErrorNotice, Loading } from "./feedback.js";
import { flatten } from "./runs/flattening.js";
import { formatDuration, formatTime, shortRunId } from "./formatting.js";
import { useLoaded } from "./loading.js";
import { href } from "./router.js";
import { advance, noProgress } from "./runs/progress.js";
import { isFinal, StatusBadge } from "./status.js";

export default function Compare({ query }) {
  const [one, other] = query.getAll("run");
  if (!one || !other) {
    return html`<h1>Compare runs</h1><p>Choose two runs in the <a href="#/runs">list of runs</a>, then compare them.</p>`;
  }
  return html`<${Comparison} key=${`${one} ${other}`} ids=${[one, other]} />`;
}

function Comparison({ ids }) {
  const load = (signal) => Promise.all(ids.map((id) => getJson(["runs", id], { signal })));
  const { value: runs, error, reload } = useLoaded(load, ids);
  const nodes = ids.map(useNodeDurations);
  const [isDifferent, setIsDifferent] = useState(false);
  if (error) return html`<${ErrorNotice} error=${error} onRetry=${reload} />`;
  if (!runs) return html`<${Loading} />`;
  const table = { runs, onlyDifferent: isDifferent };
  return html`<header class="page-head">
      <h1>Compare runs</h1>
      <div class="actions">
        <label class="check">
          <input type="checkbox" checked=${isDifferent} onChange=${(event) => setIsDifferent(event.target.checked)} />
          Only differences
        </label>
        <a class="button" href=${href(["compare"], ids.toReversed().map((id) => ["run", id]))}>Swap</a>
      </div>
    </header>
    <div class="stack">
      <${ComparisonTable} ...${table} title="Runs" rows=${factRows(runs)} />
      <${ComparisonTable} ...${table} title="Parameters and filters" rows=${requestRows(runs)} empty="Both runs have the project's own parameters." />
      <${ComparisonTable} ...${table} title="Node durations" rows=${durationRows(nodes)} empty="No node has run in either." />
      <${CompareOutputs} ...${table} />
    </div>`;
}

// Return the nodes of a run that has started them, by name, as its events tell.
function useNodeDurations(runId) {
  const [progress, dispatch] = useReducer(advance, noProgress());
  useEffect(
    () =>
      followEvents(["runs", runId, "events"], {
        kinds: ["NodeStarted", "NodeFinished", "NodeFailed", "NodeCancelled", "RunEnded"],
        onEvents: dispatch,
        onState: () => undefined,
        hasEnded: async () => isFinal(await getJson(["runs", runId])),
      }),
    [runId],
  );
  return progress.nodes;
}

function factRows(runs) {
  const shown = {
    Run: (run) => html`<a class="mono" href=${href(["runs", run.run_id])}>${shortRunId(run.run_id)}</a>`,
    Status: (run) => html`<${StatusBadge} status=${run.status} />`,
    Created: (run) => formatTime(run.created_at),
    Duration: (run) => formatDuration(run.duration_ms),
  };
  const compared = {
    Pipeline: (run) => run.pipeline_names.join(", "),
    Environment: (run) => run.env ?? "–",
    Labels: (run) => Object.entries(run.labels).map(([name, value]) => `${name}=${value}`).join(", ") || "–",
    Error: (run) => (run.error ? `${run.error.type}: ${run.error.message}` : "–"),
  };
  const texts = { ...compared, Status: (run) => run.status };
  const differs = (name) => name in texts && texts[name](runs[0]) !== texts[name](runs[1]);
  const row = ([name, show]) => ({ name, cells: runs.map(show), isDifferent: differs(name) });
  return Object.entries({ ...shown, ...compared }).map(row);
}

function requestRows(runs) {
  return [
    ...pairRows(runs.map(({ request }) => request.params ?? {}), "project's own"),
    ...pairRows(runs.map(({ request }) => without(request, ["params", "pipeline_names"])), "–"),
  ];
}

function pairRows(objects, missing) {
  const flat = objects.map((object) => new Map(flatten(object)));
  return [...new Set(flat.flatMap((pairs) => [...pairs.keys()]))].sort().map((name) => {
    const texts = flat.map((pairs) => (pairs.has(name) ? JSON.stringify(pairs.get(name)) : missing));
    return { name, cells: texts.map((text) => html`<code>${text}</code>`), isDifferent: texts[0] !== texts[1] };
  });
}

function without(object, names) {
  return Object.fromEntries(Object.entries(object).filter(([name]) => !names.includes(name)));
}

function durationRows(nodes) {
  const names = [...new Set(nodes.flatMap((found) => [...found.keys()]))];
  return names.map((name) => {
    const [one, other] = nodes.map((found) => found.get(name));
    return {
      name,
      cells: [one, other].map(durationText),
      delta: one?.durationMs !== undefined && other?.durationMs !== undefined ? deltaText(one.durationMs, other.durationMs) : "",
      isDifferent: one?.status !== other?.status,
    };
  });
}

function durationText(node) {
  if (!node) return "not run";
  return node.status === "success" ? formatDuration(node.durationMs) : `${formatDuration(node.durationMs)} (${node.status})`;
}

function deltaText(one, other) {
  const delta = other - one;
  if (Math.abs(delta) < 1) return "±0";
  return `${delta > 0 ? "+" : "−"}${formatDuration(Math.abs(delta))}`;
}

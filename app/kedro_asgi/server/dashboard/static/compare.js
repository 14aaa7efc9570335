// Two runs side by side: their facts, parameters, node durations and outputs.

import { html, useState } from "./html.js";
import { getJson } from "./api.js";
import { CompareOutputs } from "./runs/comparison_outputs.js";
import { ComparisonTable } from "./runs/comparison_table.js";
import { ErrorNotice, Loading } from "./feedback.js";
import { flatten } from "./runs/flattening.js";
import { formatDuration, formatTime, shortRunId } from "./formatting.js";
import { useLoaded } from "./loading.js";
import { href } from "./router.js";
import { StatusBadge, statusWord } from "./status.js";

export default function Compare({ query }) {
  const [one, other] = query.getAll("run");
  if (!one || !other) {
    return html`<h1>Compare runs</h1><p>Choose two runs in the <a href="#/runs">list of runs</a>, then compare them.</p>`;
  }
  return html`<${Comparison} key=${`${one} ${other}`} ids=${[one, other]} />`;
}

function Comparison({ ids }) {
  const load = (signal) => Promise.all(ids.map((id) => loadRun(id, signal)));
  const { value: runs, error, reload } = useLoaded(load, ids);
  const [onlyDifferent, setOnlyDifferent] = useState(false);
  if (error) return html`<${ErrorNotice} error=${error} onRetry=${reload} />`;
  if (!runs) return html`<${Loading} />`;
  const table = { runs, onlyDifferent };
  return html`<header class="page-head">
      <h1>Compare runs</h1>
      <div class="actions">
        <label class="check">
          <input type="checkbox" checked=${onlyDifferent} onChange=${(event) => setOnlyDifferent(event.target.checked)} />
          Only differences
        </label>
        <a class="button" href=${href(["compare"], ids.toReversed().map((id) => ["run", id]))}>Swap</a>
      </div>
    </header>
    <div class="stack">
      <${ComparisonTable} ...${table} title="Runs" rows=${factRows(runs)} />
      <${ComparisonTable} ...${table} title="Parameters and filters" rows=${requestRows(runs)} empty="Both runs have the project's own parameters." />
      <${ComparisonTable} ...${table} title="Node durations" rows=${durationRows(runs)} empty="Neither run has started a node." />
      <${CompareOutputs} ...${table} />
    </div>`;
}

// Return the record of a run, with the nodes that the run has started.
async function loadRun(id, signal) {
  const [run, { nodes }] = await Promise.all([getJson(["runs", id], { signal }), getJson(["runs", id, "nodes"], { signal })]);
  return { ...run, nodes };
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

function durationRows(runs) {
  const found = runs.map(({ nodes }) => new Map(nodes.map((node) => [node.node, node])));
  const names = [...new Set(found.flatMap((nodes) => [...nodes.keys()]))];
  return names.map((name) => {
    const [one, other] = found.map((nodes) => nodes.get(name));
    const durations = [one?.duration_ms ?? null, other?.duration_ms ?? null];
    return {
      name,
      cells: [one, other].map(durationText),
      delta: durations.includes(null) ? "" : deltaText(...durations),
      isDifferent: one?.state !== other?.state,
    };
  });
}

function durationText(node) {
  if (!node) return statusWord("skipped");
  const duration = formatDuration(node.duration_ms);
  return node.state === "success" ? duration : `${duration} (${statusWord(node.state)})`;
}

function deltaText(one, other) {
  const delta = other - one;
  if (Math.abs(delta) < 1) return "±0";
  return `${delta > 0 ? "+" : "−"}${formatDuration(Math.abs(delta))}`;
}

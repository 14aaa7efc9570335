// Whether the requests for a pipeline are joined to one run, why not, and what it has brought; nothing for most pipelines.

import { html, useEffect } from "../html.js";
import { getJson } from "../api.js";
import { formatCount, formatDuration } from "../formatting.js";
import { useLoaded } from "../loading.js";
import { followChanges } from "../runs/changes.js";

const STATUS = { batched: "success", refused: "failure", unchecked: "queued" };

export function Batching({ name }) {
  const { value, reload } = useLoaded((signal) => getJson(["batching"], { signal }), []);
  const found = value?.pipelines.find(({ pipeline }) => pipeline === name);
  const isBatched = found !== undefined;
  useEffect(() => (isBatched ? followChanges({ onChange: reload, onState: () => undefined }) : undefined), [isBatched]);
  if (!found) return null;
  const { options } = found;
  return html`<section class="card batching" aria-label="Batching">
    <header><h2>Batching</h2><span class="badge" data-status=${STATUS[found.state]}>${found.state}</span></header>
    <div class="body stack">
      ${found.problem && html`<p class="notice warning">${found.problem}</p>`}
      <p class="muted">
        Rows of ${options.inputs.join(", ")} give rows of ${options.outputs.join(", ")}: at most
        ${" "}${formatCount(options.max_rows, "row")} a batch, after ${options.max_wait_ms} ms at most.
      </p>
      ${found.batches > 0 && html`<${Figures} found=${found} />`}
      ${found.batches > 0 && html`<${Sizes} sizes=${found.batches_by_runs} />`}
    </div>
  </section>`;
}

function Figures({ found }) {
  const unbatched = Object.entries(found.unbatched).map(([reason, count]) => `${count} (${reason})`);
  const facts = [
    ["Runs", found.runs],
    ["Batches", found.batches],
    ["Runs a batch", found.runs_per_batch],
    ["Mean wait", `${found.mean_wait_ms} ms`],
    ["Time saved", formatDuration(found.seconds_saved * 1000)],
    ["Failed batches", found.failed_batches],
    ["Not batched", unbatched.join(", ") || "none"],
  ];
  return html`<dl class="facts">${facts.map(([title, value]) => html`<div key=${title}><dt>${title}</dt><dd>${value}</dd></div>`)}</dl>`;
}

// How many batches had so many runs, or fewer than that and more than the line before.
function Sizes({ sizes }) {
  const counts = Object.entries(sizes).sort(([left], [right]) => sizeOf(left) - sizeOf(right));
  const most = Math.max(...Object.values(sizes));
  return html`<table class="sizes">
    <caption>Batches by their number of runs</caption>
    <thead><tr><th scope="col">Runs, at most</th><th scope="col">Batches</th></tr></thead>
    <tbody>${counts.map(([bound, count]) => html`<tr key=${bound}>
      <th scope="row">${bound}</th>
      <td><meter min="0" max=${most} value=${count} aria-hidden="true"></meter> <span class="number">${count}</span></td>
    </tr>`)}</tbody>
  </table>`;
}

function sizeOf(bound) {
  return bound === "more" ? Infinity : Number(bound);
}

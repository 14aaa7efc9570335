// A table of two columns of values, whose differences are marked.

import { html } from "../html.js";
import { shortRunId } from "../formatting.js";

// Each row is `{name, cells, delta, isDifferent}`.
export function ComparisonTable({ title, runs, rows, onlyDifferent, empty }) {
  const shown = onlyDifferent ? rows.filter(({ isDifferent }) => isDifferent) : rows;
  const hasDelta = rows.some(({ delta }) => delta);
  return html`<section class="card" aria-label=${title}>
    <header><h2>${title}</h2></header>
    ${shown.length
      ? html`<div class="scroller"><table class="comparison">
          <thead><tr>
            <th scope="col"><span class="visually-hidden">Name</span></th>
            ${runs.map((run) => html`<th key=${run.run_id} scope="col" class="mono">${shortRunId(run.run_id)}</th>`)}
            ${hasDelta && html`<th scope="col" class="number">Difference</th>`}
          </tr></thead>
          <tbody>${shown.map((row) => html`<${Row} key=${row.name} row=${row} hasDelta=${hasDelta} />`)}</tbody>
        </table></div>`
      : html`<p class="body muted">${rows.length ? "No differences." : empty}</p>`}
  </section>`;
}

function Row({ row, hasDelta }) {
  return html`<tr data-different=${row.isDifferent}>
    <th scope="row">${row.name}${row.isDifferent && html`<span class="visually-hidden"> (differs)</span>`}</th>
    ${row.cells.map((cell, n) => html`<td key=${n}>${cell}</td>`)}
    ${hasDelta && html`<td class="number">${row.delta}</td>`}
  </tr>`;
}

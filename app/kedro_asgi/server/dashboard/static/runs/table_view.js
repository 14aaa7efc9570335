// A list of records as a table, a page of rows at a time.

import { html, useMemo, useState } from "../html.js";
import { formatCount } from "../formatting.js";
import { formatExactly } from "./exact_json.js";

const PAGE_ROWS = 25;
const MOST_COLUMNS = 60;

export function TableView({ rows, label }) {
  const [page, setPage] = useState(0);
  const columns = useMemo(() => [...new Set(rows.slice(0, 1000).flatMap(Object.keys))], [rows]);
  const shown = columns.slice(0, MOST_COLUMNS);
  const cut = columns.length > shown.length ? `, the first ${shown.length} shown` : "";
  const from = page * PAGE_ROWS;
  const part = rows.slice(from, from + PAGE_ROWS);
  return html`<div class="table-view">
    <div class="scroller" tabindex="0" role="region" aria-label=${`Table ${label}`}>
      <table class="values">
        <thead><tr>${shown.map((name) => html`<th key=${name} scope="col">${name}</th>`)}</tr></thead>
        <tbody>${part.map((row, n) => html`<${Row} key=${from + n} row=${row} names=${shown} />`)}</tbody>
      </table>
    </div>
    <div class="table-pages">
      <span class="muted">${formatCount(rows.length, "row")}, ${formatCount(columns.length, "column")}${cut}</span>
      ${rows.length > PAGE_ROWS && html`<${Pager} page=${page} last=${Math.ceil(rows.length / PAGE_ROWS) - 1} onChange=${setPage} />`}
    </div>
  </div>`;
}

function Row({ row, names }) {
  return html`<tr>${names.map((name) => html`<${Cell} key=${name} value=${row[name]} />`)}</tr>`;
}

function Cell({ value }) {
  if (value === null || value === undefined) return html`<td class="missing">–</td>`;
  if (typeof value === "number" || typeof value === "bigint") return html`<td class="number">${String(value)}</td>`;
  return html`<td>${typeof value === "string" ? value : formatExactly(value)}</td>`;
}

function Pager({ page, last, onChange }) {
  return html`<span class="actions">
    <button type="button" disabled=${page === 0} onClick=${() => onChange(page - 1)}>Previous</button>
    <span class="number">${page + 1} of ${last + 1}</span>
    <button type="button" disabled=${page === last} onClick=${() => onChange(page + 1)}>Next</button>
  </span>`;
}

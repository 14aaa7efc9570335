// A table whose cells are fields. Enter and the arrow keys move between rows; a pasted block of cells fills several.

import { html, useRef, useState } from "../html.js";
import { parseCsv } from "./csv.js";

const PAGE_ROWS = 100;

// `isFixed` says that the columns have the names that a schema gives; `hasProblem(row, name)` marks a cell.
export function TableEditor({ label, draft, isFixed, hasProblem, onChange, onPasteAll }) {
  const { columns, rows } = draft;
  const [limit, setLimit] = useState(PAGE_ROWS);
  const table = useRef(null);
  const set = (part) => onChange({ ...draft, ...part });
  const addRow = () => set({ rows: [...rows, columns.map(() => "")] });
  const keys = (event) => moveFocus(event, table.current, { isLast: (row) => row === rows.length - 1, addRow });
  const paste = (event) => {
    const text = event.clipboardData.getData("text/plain");
    if (!/[\t\n]/.test(text.trim())) return;
    event.preventDefault();
    if (rows.every((row) => row.every((cell) => cell === "")) && onPasteAll(text)) return;
    const { row = "0", column = "0" } = event.target.dataset;
    set({ rows: withBlock(rows, columns.length, { row: Number(row), column: Number(column), block: parseCsv(text, "\t") }) });
  };
  return html`<div class="scroller" ref=${table}>
    <table class="table-editor" onKeyDown=${keys} onPaste=${paste}>
      <caption class="visually-hidden">${label}</caption>
      <thead><tr><th scope="col"><span class="visually-hidden">Row</span></th>
        ${columns.map((name, n) => html`<${ColumnHead} key=${n} label=${label} name=${name} number=${n} isFixed=${isFixed}
          onRename=${(next) => set({ columns: replaced(columns, n, next) })}
          onRemove=${() => set({ columns: without(columns, n), rows: rows.map((row) => without(row, n)) })} />`)}
        <th><span class="visually-hidden">Remove</span></th>
      </tr></thead>
      <tbody>${rows.slice(0, limit).map((row, n) => html`<tr key=${n}>
        <th scope="row" class="number">${n + 1}</th>
        ${columns.map((name, column) => html`<td key=${column}><input type="text" value=${row[column] ?? ""}
          aria-label=${`${name || `column ${column + 1}`}, row ${n + 1}`} data-row=${n} data-column=${column} autocomplete="off"
          aria-invalid=${hasProblem(n, name) ? "true" : undefined}
          onInput=${(event) => set({ rows: replaced(rows, n, replaced(row, column, event.target.value)) })} /></td>`)}
        <td><button type="button" class="quiet" aria-label=${`Remove row ${n + 1}`}
          onClick=${() => set({ rows: without(rows, n) })}>×</button></td>
      </tr>`)}</tbody>
    </table>
    <div class="actions">
      <button type="button" class="quiet" onClick=${addRow}>Add a row</button>
      ${!isFixed && html`<button type="button" class="quiet" onClick=${() => set(withColumn(draft))}>Add a column</button>`}
      ${rows.length > limit && html`<button type="button" class="quiet" onClick=${() => setLimit(limit + PAGE_ROWS)}>
        Show more of the ${rows.length} rows</button>`}
    </div>
  </div>`;
}

function ColumnHead({ label, name, number, isFixed, onRename, onRemove }) {
  if (isFixed) return html`<th scope="col">${name}</th>`;
  return html`<th scope="col"><span class="column-head">
    <input type="text" value=${name} aria-label=${`${label}, name of column ${number + 1}`} placeholder="name"
      autocomplete="off" onInput=${(event) => onRename(event.target.value)} />
    <button type="button" class="quiet" aria-label=${`Remove column ${name || number + 1}`} onClick=${onRemove}>×</button>
  </span></th>`;
}

function replaced(items, place, value) {
  return items.map((item, n) => (n === place ? value : item));
}

function without(items, place) {
  return items.filter((_, n) => n !== place);
}

function withColumn({ columns, rows }) {
  const lines = rows.length ? rows : [[]];
  return { columns: [...columns, ""], rows: lines.map((row) => [...row, ""]) };
}

// Return the rows with `block` at a place; what does not fit the columns is left out.
function withBlock(rows, width, { row, column, block }) {
  const blank = Array(width).fill("");
  const count = Math.max(rows.length, row + block.length);
  return Array.from({ length: count }, (_, n) =>
    (rows[n] ?? blank).map((cell, place) => block[n - row]?.[place - column] ?? cell),
  );
}

function moveFocus(event, table, { isLast, addRow }) {
  const { row, column } = event.target.dataset;
  const step = { Enter: 1, ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step === undefined || row === undefined) return;
  event.preventDefault();
  if (event.key === "Enter" && isLast(Number(row))) addRow();
  // The new row is there after the next rendering.
  requestAnimationFrame(() => {
    table.querySelector(`[data-row="${Number(row) + step}"][data-column="${column}"]`)?.focus();
  });
}

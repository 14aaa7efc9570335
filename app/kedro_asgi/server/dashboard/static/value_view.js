// Any JSON value as people read it: a table, a picture, a text, or JSON.

import { html } from "./html.js";
import { TableView } from "./table_view.js";

const PICTURE = /^data:image\/(png|jpeg|gif|webp|svg\+xml);base64,/;
const LONGEST_TEXT = 200_000;

export function ValueView({ value, label }) {
  if (isTable(value)) return html`<${TableView} rows=${value} label=${label} />`;
  if (typeof value === "string") return PICTURE.test(value) ? html`<img class="picture" src=${value} alt=${label} />` : html`<${Text} text=${value} />`;
  return html`<${Text} text=${JSON.stringify(value, null, 2)} />`;
}

function isTable(value) {
  const isRecord = (row) => typeof row === "object" && row !== null && !Array.isArray(row);
  return Array.isArray(value) && value.length > 0 && value.every(isRecord);
}

function Text({ text }) {
  const shown = text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}…` : text;
  return html`<pre class="value-text" tabindex="0">${shown}</pre>`;
}

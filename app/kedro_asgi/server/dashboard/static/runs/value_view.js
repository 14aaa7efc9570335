// Any JSON value as people read it: a table, a picture, a text, or JSON.

import { html } from "../html.js";
import { formatExactly } from "./exact_json.js";
import { isFigure, PlotlyView } from "./plotly_view.js";
import { TableView } from "./table_view.js";

const PICTURE = /^data:image\/(png|jpeg|gif|webp|svg\+xml);base64,/;
const LONGEST_TEXT = 200_000;

export function ValueView({ value, label }) {
  if (isTable(value)) return html`<${TableView} rows=${value} label=${label} />`;
  if (typeof value === "string") return html`<${TextOrPicture} text=${value} label=${label} />`;
  const text = html`<${Text} text=${formatExactly(value, 2)} />`;
  if (isFigure(value)) return html`<${PlotlyView} figure=${value} label=${label} otherwise=${text} />`;
  if (isGallery(value)) return html`<${Gallery} pictures=${value} />`;
  return text;
}

// An object or a list of pictures, as a partitioned dataset holds them.
function isGallery(value) {
  const parts = typeof value === "object" && value !== null ? Object.values(value) : [];
  return parts.length > 0 && parts.every((part) => typeof part === "string" && PICTURE.test(part));
}

function Gallery({ pictures }) {
  return Object.entries(pictures).map(
    ([name, picture]) => html`<figure key=${name}>
      <img class="picture" src=${picture} alt=${name} /><figcaption class="muted">${name}</figcaption>
    </figure>`,
  );
}

function TextOrPicture({ text, label }) {
  return PICTURE.test(text) ? html`<img class="picture" src=${text} alt=${label} />` : html`<${Text} text=${text} />`;
}

function isTable(value) {
  const isRecord = (row) => typeof row === "object" && row !== null && !Array.isArray(row);
  return Array.isArray(value) && value.length > 0 && value.every(isRecord);
}

function Text({ text }) {
  const shown = text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}…` : text;
  return html`<pre class="value-text" tabindex="0">${shown}</pre>`;
}

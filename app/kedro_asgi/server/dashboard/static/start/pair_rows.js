// Rows of a name and a text: labels, versions, and parameters that the project does not name.

import { html } from "../html.js";
import { fieldId } from "./field.js";

export function PairRows({ loc, legend, hint, rows, words = ["Name", "Value"], addLabel, problemAt, onChange }) {
  const change = (n, part) => onChange(rows.map((row, other) => (other === n ? { ...row, ...part } : row)));
  const problem = problemAt(loc);
  return html`<fieldset class="pair-rows" id=${fieldId(loc)} tabindex="-1">
    <legend>${legend}</legend>
    ${hint && html`<p class="field-hint">${hint}</p>`}
    ${problem && html`<p class="field-error">${problem}</p>`}
    ${rows.map((row, n) => html`<div class="pair-row" key=${n}>
      <input type="text" aria-label=${`${legend}, ${words[0]} ${n + 1}`} placeholder=${words[0]} value=${row.name}
        autocomplete="off" onInput=${(event) => change(n, { name: event.target.value })} />
      <input type="text" aria-label=${`${legend}, ${words[1]} ${n + 1}`} placeholder=${words[1]} value=${row.text}
        autocomplete="off" onInput=${(event) => change(n, { text: event.target.value })} />
      <button type="button" class="quiet" aria-label=${`Remove ${row.name || `row ${n + 1}`}`}
        onClick=${() => onChange(rows.filter((_, other) => other !== n))}>×</button>
    </div>`)}
    <button type="button" class="quiet" onClick=${() => onChange([...rows, { name: "", text: "" }])}>${addLabel}</button>
  </fieldset>`;
}

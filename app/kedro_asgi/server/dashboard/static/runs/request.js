// The request of a run: its parameters, and all other fields that its record holds.

import { html } from "../html.js";
import { flatten } from "./flattening.js";

export function RunRequest({ run }) {
  const { params = {}, ...others } = run.request;
  const rows = flatten(params);
  return html`<div class="stack">
    <section aria-labelledby="params-title">
      <h2 id="params-title">Parameters</h2>
      ${rows.length ? html`<${PairTable} rows=${rows} />` : html`<p class="muted">All parameters are the project's own.</p>`}
    </section>
    <section aria-labelledby="request-title">
      <h2 id="request-title">Request</h2>
      ${Object.keys(others).length > 0 && html`<${PairTable} rows=${flatten(others)} />`}
      ${!Object.keys(others).length && html`<p class="muted">No filters, versions or outputs were asked for.</p>`}
    </section>
  </div>`;
}

function PairTable({ rows }) {
  return html`<div class="scroller">
    <table class="pairs">
      <thead><tr><th scope="col">Name</th><th scope="col">Value</th></tr></thead>
      <tbody>${rows.map(([name, value]) => html`<${Pair} key=${name} name=${name} value=${value} />`)}</tbody>
    </table>
  </div>`;
}

function Pair({ name, value }) {
  return html`<tr><th scope="row"><code>${name}</code></th><td><code>${JSON.stringify(value)}</code></td></tr>`;
}

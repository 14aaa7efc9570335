// The project: its pipelines, each with the way to start it.

import { html } from "./html.js";
import { getJson } from "./api.js";
import { ErrorNotice, Loading } from "./feedback.js";
import { useLoaded } from "./loading.js";
import { href } from "./router.js";

export default function Project() {
  const { value, error, reload } = useLoaded((signal) => getJson(["pipelines"], { signal }), []);
  return html`<header class="page-head"><h1>Project</h1></header>
    ${error && html`<${ErrorNotice} error=${error} onRetry=${reload} />`}
    ${!error && !value && html`<${Loading} />`}
    ${value && html`<${PipelineTable} pipelines=${value.pipelines} />`}`;
}

function PipelineTable({ pipelines }) {
  return html`<div class="card scroller">
    <table>
      <caption class="visually-hidden">Pipelines of the project</caption>
      <thead><tr><th scope="col">Pipeline</th><th scope="col" class="number">Nodes</th><th scope="col"></th></tr></thead>
      <tbody>${pipelines.map((pipeline) => html`<${PipelineRow} key=${pipeline.name} ...${pipeline} />`)}</tbody>
    </table>
  </div>`;
}

function PipelineRow({ name, nodes }) {
  return html`<tr>
    <td><code>${name}</code></td>
    <td class="number">${nodes}</td>
    <td><a href=${href(["start", name])}>Start<span class="visually-hidden"> ${name}</span></a></td>
  </tr>`;
}

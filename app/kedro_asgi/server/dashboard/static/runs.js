// The runs of the server, newest first.

import { html } from "./html.js";
import { getJson } from "./api.js";
import { Empty, ErrorNotice, Loading } from "./feedback.js";
import { formatDuration, formatTime, shortRunId } from "./formatting.js";
import { useLoaded } from "./loading.js";
import { href } from "./router.js";
import { StatusBadge } from "./status.js";

export default function Runs({ query }) {
  const { value, error, reload } = useLoaded((signal) => getJson(["runs"], { query, signal }), [query.toString()]);
  return html`<header class="page-head"><h1>Runs</h1></header>
    ${error && html`<${ErrorNotice} error=${error} onRetry=${reload} />`}
    ${!error && !value && html`<${Loading} />`}
    ${value && (value.runs.length ? html`<${RunTable} runs=${value.runs} />` : html`<${Empty} title="No runs" />`)}`;
}

function RunTable({ runs }) {
  return html`<div class="card scroller">
    <table>
      <caption class="visually-hidden">Runs, newest first</caption>
      <thead><tr><th scope="col">Status</th><th scope="col">Run</th><th scope="col">Pipeline</th><th scope="col">Started</th><th scope="col" class="number">Duration</th></tr></thead>
      <tbody>${runs.map((run) => html`<${RunRow} key=${run.run_id} run=${run} />`)}</tbody>
    </table>
  </div>`;
}

function RunRow({ run }) {
  return html`<tr>
    <td><${StatusBadge} status=${run.status} isStopping=${run.is_stopping} /></td>
    <td><a class="mono" href=${href(["runs", run.run_id])}>${shortRunId(run.run_id)}</a></td>
    <td>${run.pipeline_names.join(", ") || "__default__"}</td>
    <td>${formatTime(run.created_at)}</td>
    <td class="number">${formatDuration(run.duration_ms)}</td>
  </tr>`;
}

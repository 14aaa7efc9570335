// One run: its record.

import { html } from "./html.js";
import { getJson } from "./api.js";
import { ErrorNotice, Loading } from "./feedback.js";
import { useLoaded } from "./loading.js";
import { StatusBadge } from "./status.js";

export default function Run({ params }) {
  const { value, error, reload } = useLoaded((signal) => getJson(["runs", params.runId], { signal }), [params.runId]);
  if (error) return html`<${ErrorNotice} error=${error} onRetry=${reload} />`;
  if (!value) return html`<${Loading} />`;
  return html`<header class="page-head"><h1>Run</h1><${StatusBadge} status=${value.status} /></header>
    <div class="card"><div class="body"><pre>${JSON.stringify(value, null, 2)}</pre></div></div>`;
}

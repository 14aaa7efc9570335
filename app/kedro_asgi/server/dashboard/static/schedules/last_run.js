// The last run of a schedule: how it ended, and the link to it.

import { html } from "../html.js";
import { formatTime, shortRunId } from "../formatting.js";
import { href } from "../router.js";
import { StatusBadge } from "../status.js";

export function LastRun({ run }) {
  if (!run) return html`<span class="muted">none yet</span>`;
  const at = run.scheduled_at ?? run.created_at;
  return html`<span class="last-run">
    <${StatusBadge} status=${run.status} />
    <a class="mono" href=${href(["runs", run.run_id])} title=${run.run_id}>${shortRunId(run.run_id)}</a>
    <time class="muted" datetime=${at} title=${at}>${formatTime(at)}</time>
  </span>`;
}

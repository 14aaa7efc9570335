// The statuses of runs and nodes: their words, and the badge that shows one.

import { html } from "./html.js";

export const FINAL = ["success", "failure", "cancelled", "timed_out", "interrupted"];
export const STATUSES = ["queued", "running", ...FINAL];

const WORDS = { timed_out: "timed out", skipped: "not run" };

export function statusWord(status) {
  return WORDS[status] ?? status;
}

export function isFinal(run) {
  return FINAL.includes(run.status);
}

// A mark and a word: the colour alone never tells.
export function StatusBadge({ status, isStopping = false }) {
  return html`<span class="badge" data-status=${status}>${isStopping && status === "running" ? "stopping" : statusWord(status)}</span>`;
}

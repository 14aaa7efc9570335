// The facts of a run's record, in one line that wraps.

import { html } from "../html.js";
import { formatCount, formatDuration, formatTime, shortRunId } from "../formatting.js";
import { href } from "../router.js";
import { durationOf, Labels } from "./run_table.js";

export function RunFacts({ run, progress, now }) {
  const facts = [
    ["Pipeline", run.pipeline_names.join(", ")],
    ["Created", formatTime(run.created_at)],
    ["Waited", formatDuration(waitedMs(run, now))],
    ["Duration", formatDuration(durationOf(run, now))],
    ["Nodes", progress.planned === null ? null : `${countDone(progress)} of ${progress.planned}`],
    ["Batch", progress.batches.length ? html`<${Batches} batches=${progress.batches} />` : null],
    ["Time limit", run.timeout_seconds === null ? null : formatDuration(run.timeout_seconds * 1000)],
    ["Environment", run.env],
    ["Attempt", run.attempt > 1 ? run.attempt : null],
    ["Attempt of the run", run.run_attempt > 1 ? run.run_attempt : null],
    ["Next attempt", run.next_attempt_at && formatTime(run.next_attempt_at)],
    ["Failed attempts", run.retry_count || null],
    ["Id", html`<code class="run-id-text">${run.run_id}</code>`],
    ["Repeats", runLink(run.rerun_of ?? run.resubmission_of)],
    ["Repeated as", runLink(run.resubmitted_as)],
    ["Labels", Object.keys(run.labels).length ? html`<${Labels} labels=${run.labels} />` : null],
  ];
  return html`<dl class="facts">
    ${facts
      .filter(([, value]) => value !== null && value !== "")
      .map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}
  </dl>`;
}

// A batch that fails is executed again in halves, so a run may be part of several, one after another.
function Batches({ batches }) {
  const sizes = batches.map(({ runs, rows }) => `${formatCount(runs, "run")}, ${formatCount(rows, "row")}`);
  return html`${sizes.join("; then ")} <code class="run-id-text" title="The server's log names it">${batches.at(-1).id}</code>`;
}

function countDone({ nodes }) {
  return [...nodes.values()].filter(({ status }) => status === "success").length;
}

function waitedMs(run, now) {
  const until = Date.parse(run.started_at ?? run.ended_at ?? "") || now;
  return Math.max(0, until - Date.parse(run.created_at));
}

function runLink(runId) {
  return runId && html`<a class="mono" href=${href(["runs", runId])}>${shortRunId(runId)}</a>`;
}

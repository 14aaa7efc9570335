// The table of runs: one row each, with the choice of two for a comparison.

import { html, useState } from "../html.js";
import { announce } from "../announcer.js";
import { postJson } from "../api.js";
import { formatDuration, formatTime, shortRunId } from "../formatting.js";
import { href } from "../router.js";
import { isFinal, StatusBadge } from "../status.js";

const MOST_LABELS = 3;

export function RunTable({ runs, now, chosen, onChoose, onChanged }) {
  const choose = (runId) => onChoose(chosen.includes(runId) ? chosen.filter((known) => known !== runId) : [...chosen, runId].slice(-2));
  return html`<div class="scroller">
    <table class="runs">
      <caption class="visually-hidden">Runs, newest first</caption>
      <thead>
        <tr>
          <th scope="col"><span class="visually-hidden">Compare</span></th>
          <th scope="col">Status</th>
          <th scope="col">Run</th>
          <th scope="col">Pipeline</th>
          <th scope="col">Labels</th>
          <th scope="col">Created</th>
          <th scope="col" class="number">Duration</th>
          <th scope="col"><span class="visually-hidden">Actions</span></th>
        </tr>
      </thead>
      <tbody>
        ${runs.map(
          (run) => html`<${RunRow} key=${run.run_id} run=${run} now=${isFinal(run) ? 0 : now} isChosen=${chosen.includes(run.run_id)}
            onChoose=${choose} onChanged=${onChanged} />`,
        )}
      </tbody>
    </table>
  </div>`;
}

function RunRow({ run, now, isChosen, onChoose, onChanged }) {
  const link = href(["runs", run.run_id]);
  return html`<tr data-run=${run.run_id} data-chosen=${isChosen}>
    <td class="choose">
      <input type="checkbox" checked=${isChosen} aria-label=${`Compare run ${shortRunId(run.run_id)}`}
        onChange=${() => onChoose(run.run_id)} />
    </td>
    <td class="status"><${StatusBadge} status=${run.status} isStopping=${run.is_stopping} /></td>
    <td class="name"><a class="mono" href=${link} title=${run.run_id}>${shortRunId(run.run_id)}</a></td>
    <td class="pipeline">${run.pipeline_names.join(", ")}<${FailureText} error=${run.error} status=${run.status} /></td>
    <td class="labels"><${Labels} labels=${run.labels} most=${MOST_LABELS} /></td>
    <td class="created"><time datetime=${run.created_at} title=${run.created_at}>${formatTime(run.created_at)}</time></td>
    <td class="number">${formatDuration(durationOf(run, now))}</td>
    <td class="action">${!isFinal(run) && html`<${CancelButton} run=${run} onChanged=${onChanged} />`}</td>
  </tr>`;
}

// Return the milliseconds that a run took, or has taken up to now.
export function durationOf(run, now) {
  if (run.duration_ms !== null) return run.duration_ms;
  return run.started_at && !isFinal(run) ? Math.max(0, now - Date.parse(run.started_at)) : null;
}

function FailureText({ error, status }) {
  if (status !== "failure" || !error) return null;
  const text = `${error.node ? `${error.node}: ` : ""}${error.type}: ${error.message}`;
  return html`<span class="failure-text" title=${text}>${text}</span>`;
}

// Each label leads to the runs that have it.
export function Labels({ labels, most = Infinity }) {
  const pairs = Object.entries(labels);
  const shown = pairs.slice(0, most);
  return html`<span class="chips">
    ${shown.map(([name, value]) => html`<${Label} key=${name} text=${`${name}=${value}`} />`)}
    ${pairs.length > shown.length && html`<span class="muted">+${pairs.length - shown.length}</span>`}
  </span>`;
}

function Label({ text }) {
  return html`<a class="chip" title=${`Runs with ${text}`} href=${href(["runs"], { label: text })}>${text}</a>`;
}

function CancelButton({ run, onChanged }) {
  const [isAsked, setIsAsked] = useState(false);
  const [problem, setProblem] = useState("");
  const cancel = async () => {
    setIsAsked(true);
    setProblem("");
    try {
      await postJson(["runs", run.run_id, "cancel"]);
    } catch (error) {
      announce(error.message);
      setProblem(error.message);
      setIsAsked(false);
    }
    onChanged();
  };
  return html`<button type="button" class="quiet" disabled=${isAsked || run.is_stopping} onClick=${cancel}>
      Cancel<span class="visually-hidden"> run ${shortRunId(run.run_id)}</span>
    </button>${problem && html`<p class="field-error">${problem}</p>`}`;
}

// The schedules of the server: when each is due, what its last run did, and buttons to pause, resume and run it.

import { html, useEffect, useState } from "./html.js";
import { announce } from "./announcer.js";
import { getJson, postJson } from "./api.js";
import { ConnectionState } from "./connection_state.js";
import { Empty, ErrorNotice, Loading } from "./feedback.js";
import { formatTime } from "./formatting.js";
import { useLoaded } from "./loading.js";
import { href } from "./router.js";
import { followChanges } from "./runs/changes.js";
import { LastRun } from "./schedules/last_run.js";
import { ScheduleActions } from "./schedules/actions.js";

export default function Schedules() {
  const { value, error, isLoading, reload } = useLoaded((signal) => getJson(["schedules"], { signal }), []);
  const [state, setState] = useState("connecting");
  useEffect(() => followChanges({ onChange: reload, onState: setState }), []);
  const [problem, setProblem] = useState(null);
  const act = async (schedule, action, done) => {
    setProblem(null);
    try {
      await postJson(["schedules", schedule.name, action]);
      announce(`${schedule.name} ${done}.`);
    } catch (found) {
      setProblem(found);
    }
    reload();
  };
  return html`<header class="page-head">
      <h1>Schedules</h1>
      <${ConnectionState} state=${state} />
    </header>
    <div class="stack">
      ${problem && html`<${ErrorNotice} error=${problem} />`}
      ${error && html`<${ErrorNotice} error=${error} onRetry=${reload} />`}
      ${!value && isLoading && html`<${Loading} />`}
      ${value &&
      html`<section class="card" aria-label="List of schedules">
        ${value.schedules.length ? html`<${ScheduleTable} schedules=${value.schedules} onAct=${act} />` : html`<${NoSchedules} />`}
      </section>`}
    </div>`;
}

function ScheduleTable({ schedules, onAct }) {
  return html`<div class="scroller">
    <table class="schedules">
      <caption class="visually-hidden">Schedules</caption>
      <thead>
        <tr>
          <th scope="col">Schedule</th>
          <th scope="col">When</th>
          <th scope="col">Pipeline</th>
          <th scope="col">Next run</th>
          <th scope="col">Last run</th>
          <th scope="col"><span class="visually-hidden">Actions</span></th>
        </tr>
      </thead>
      <tbody>
        ${schedules.map((schedule) => html`<${ScheduleRow} key=${schedule.name} schedule=${schedule} onAct=${onAct} />`)}
      </tbody>
    </table>
  </div>`;
}

function ScheduleRow({ schedule, onAct }) {
  return html`<tr data-schedule=${schedule.name}>
    <th scope="row"><a href=${href(["runs"], { label: `schedule=${schedule.name}` })}>${schedule.name}</a></th>
    <td class="when"><code>${schedule.cron}</code> <span class="muted">${schedule.timezone}</span></td>
    <td class="pipeline">${schedule.pipeline_names.join(", ")}</td>
    <td class="next"><${NextTick} schedule=${schedule} /></td>
    <td class="last"><${LastRun} run=${schedule.last_run} /></td>
    <td class="action"><${ScheduleActions} schedule=${schedule} onAct=${onAct} /></td>
  </tr>`;
}

function NextTick({ schedule }) {
  if (schedule.is_paused) return html`<span class="badge" data-status="cancelled">paused</span>`;
  const [next] = schedule.next_ticks;
  if (!next) return "never";
  return html`<time datetime=${next} title=${schedule.next_ticks.join("\n")}>${formatTime(next)}</time>`;
}

function NoSchedules() {
  return html`<${Empty} title="This project has no schedules">
    <p>A section <code>[tool.kedro-asgi.schedules.NAME]</code> of its <code>pyproject.toml</code> makes one.</p>
  </${Empty}>`;
}

// What one can do with a schedule: run it now, pause it, or let it go on.

import { html, useState } from "../html.js";

export function ScheduleActions({ schedule, onAct }) {
  const [isBusy, setIsBusy] = useState(false);
  const act = async (action, done) => {
    setIsBusy(true);
    await onAct(schedule, action, done);
    setIsBusy(false);
  };
  const name = html`<span class="visually-hidden"> ${schedule.name}</span>`;
  return html`<div class="actions">
    <button type="button" disabled=${isBusy} onClick=${() => act("run", "runs now")}>Run now${name}</button>
    ${schedule.is_paused
      ? html`<button type="button" class="primary" disabled=${isBusy} onClick=${() => act("resume", "goes on")}>Resume${name}</button>`
      : html`<button type="button" disabled=${isBusy} onClick=${() => act("pause", "is paused")}>Pause${name}</button>`}
  </div>`;
}

// What one can do with a run: cancel it, run it again, or go on where it failed.

import { html, useState } from "../html.js";
import { ApiError, getJson, postJson } from "../api.js";
import { repetitionOf, resumptionOf } from "./repetition.js";
import { href, navigate } from "../router.js";
import { isFinal } from "../status.js";

export function RunActions({ run, onError, onChanged }) {
  const [isBusy, setIsBusy] = useState(false);
  const act = async (action) => {
    setIsBusy(true);
    onError(null);
    await action().catch(onError);
    setIsBusy(false);
  };
  const cancel = () => act(async () => onChanged(await postJson(["runs", run.run_id, "cancel"])));
  const start = (body) => act(async () => navigate(href(["runs", (await postJson(["runs"], body)).run_id])));
  const compare = () => act(async () => navigate(href(["compare"], [await runBefore(run), run].map((one) => ["run", one.run_id]))));
  return html`<div class="actions">
    ${!isFinal(run) && html`<${Cancel} run=${run} isBusy=${isBusy} onCancel=${cancel} />`}
    <${Resume} run=${run} isBusy=${isBusy} onStart=${start} />
    <${Repeat} run=${run} isBusy=${isBusy} onStart=${start} />
    <a class="button" href=${href(["start", ...run.pipeline_names.slice(0, 1)], { from: run.run_id })}>Run with changes</a>
    <button type="button" disabled=${isBusy} title="Compare with the run of this pipeline before" onClick=${compare}>Compare</button>
  </div>`;
}

function Cancel({ run, isBusy, onCancel }) {
  return html`<button type="button" class="danger" disabled=${isBusy || run.is_stopping} onClick=${onCancel}>
    ${run.is_stopping ? "Stopping…" : "Cancel"}
  </button>`;
}

function Repeat({ run, isBusy, onStart }) {
  const { body, obstacle } = repetitionOf(run);
  return html`<button type="button" disabled=${isBusy || obstacle !== null} title=${obstacle ?? "Start a run with the same request"}
    onClick=${() => onStart(body)}>Run again<${Obstacle} text=${obstacle} /></button>`;
}

function Resume({ run, isBusy, onStart }) {
  const resumption = resumptionOf(run);
  if (resumption === null) return null;
  const { body, obstacle, nodes } = resumption;
  return html`<button type="button" class="primary" disabled=${isBusy || obstacle !== null} title=${obstacle ?? `From ${nodes.join(", ")}`}
    onClick=${() => onStart(body)}>Rerun from the failure<${Obstacle} text=${obstacle} /></button>`;
}

// A title shows the reason to the mouse, this tells it to a screen reader.
function Obstacle({ text }) {
  return text && html`<span class="visually-hidden">: ${text}</span>`;
}

async function runBefore(run) {
  const query = { pipeline: run.pipeline_names[0], cursor: run.run_id, limit: 1 };
  const { runs } = await getJson(["runs"], { query });
  if (!runs.length) throw new ApiError(`The server has no run of ${query.pipeline} before this one.`, { title: "Nothing to compare" });
  return runs[0];
}

// What one can do with a run: cancel it, run it again, or go on where it failed.

import { html, useMemo, useState } from "../html.js";
import { ApiError, getJson, postJson } from "../api.js";
import { newKey } from "../idempotency_key.js";
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
  // A second click after a lost answer starts no second run.
  const keys = useMemo(() => ({ whole: newKey(), rest: newKey() }), [run.run_id]);
  const rerun = (fromFailure) =>
    act(async () => {
      const headers = { "Idempotency-Key": fromFailure ? keys.rest : keys.whole };
      const record = await postJson(["runs", run.run_id, "rerun"], { from_failure: fromFailure }, { headers });
      navigate(href(["runs", record.run_id]));
    });
  const compare = () => act(async () => navigate(href(["compare"], [await runBefore(run), run].map((one) => ["run", one.run_id]))));
  return html`<div class="actions">
    ${!isFinal(run) && html`<${Cancel} run=${run} isBusy=${isBusy} onCancel=${cancel} />`}
    ${hasRest(run) &&
    html`<button type="button" class="primary" disabled=${isBusy} title="Run what the run has not finished, with the datasets that it has saved"
      onClick=${() => rerun(true)}>Rerun from the failure</button>`}
    ${isFinal(run) &&
    html`<button type="button" disabled=${isBusy} title="Start a run with the same request" onClick=${() => rerun(false)}>Run again</button>`}
    <a class="button" href=${href(["start", ...run.pipeline_names.slice(0, 1)], { from: run.run_id })}>Run with changes</a>
    <button type="button" disabled=${isBusy} title="Compare with the run of this pipeline before" onClick=${compare}>Compare</button>
  </div>`;
}

function Cancel({ run, isBusy, onCancel }) {
  return html`<button type="button" class="danger" disabled=${isBusy || run.is_stopping} onClick=${onCancel}>
    ${run.is_stopping ? "Stopping…" : "Cancel"}
  </button>`;
}

// Whether a run has left something undone, and may have saved something that another run can load. The record of a run
// whose server was killed does not tell.
function hasRest(run) {
  return isFinal(run) && run.status !== "success" && (run.saved.length > 0 || run.status === "interrupted");
}

async function runBefore(run) {
  const query = { pipeline: run.pipeline_names[0], cursor: run.run_id, limit: 1 };
  const { runs } = await getJson(["runs"], { query });
  if (!runs.length) throw new ApiError(`The server has no run of ${query.pipeline} before this one.`, { title: "Nothing to compare" });
  return runs[0];
}

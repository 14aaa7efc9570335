// The outputs of a run: those that the server keeps, those that are missing, and the datasets that nodes saved.

import { html, useState } from "../html.js";
import { ApiLink } from "../api_link.js";
import { ErrorNotice, Loading } from "../feedback.js";
import { formatBytes } from "../formatting.js";
import { useLoaded } from "../loading.js";
import { useLiveChunks } from "./live_chunks.js";
import { LiveOutputs } from "./live_outputs.js";
import { loadOutput } from "./output_loading.js";
import { isFinal } from "../status.js";
import { SavedDatasets } from "./saved_datasets.js";
import { ValueView } from "./value_view.js";

// `pipelines` are the descriptions of the run's pipelines, which know the datasets.
export function RunOutputs({ run, pipelines }) {
  const problems = Object.entries(run.output_problems);
  const live = useLiveChunks(run.run_id);
  if (!live && !run.outputs.length && !problems.length && !run.saved.length) {
    return html`<p class="muted">${isFinal(run) ? "The server keeps no outputs of this run." : "Outputs appear here when the run ends."}</p>`;
  }
  return html`<div class="stack">
    ${live && html`<${LiveOutputs} live=${live} />`}
    ${run.outputs.map((name, n) => html`<${Output} key=${name} runId=${run.run_id} name=${name} isFirst=${n === 0} />`)}
    ${problems.map(([name, problem]) => html`<div key=${name} class="notice warning"><strong>${name}</strong><p>${problem}</p></div>`)}
    ${run.saved.length > 0 && html`<${SavedDatasets} names=${run.saved} pipelines=${pipelines} />`}
  </div>`;
}

function Output({ runId, name, isFirst }) {
  const [isOpen, setIsOpen] = useState(isFirst);
  return html`<details class="output" open=${isOpen} onToggle=${(event) => setIsOpen(event.target.open)}>
    <summary><h2>${name}</h2></summary>
    ${isOpen && html`<${OutputValue} runId=${runId} name=${name} />`}
  </details>`;
}

function OutputValue({ runId, name }) {
  const [isWhole, setIsWhole] = useState(false);
  const segments = ["runs", runId, "outputs", name];
  const { value, error, reload } = useLoaded((signal) => loadOutput(segments, { isWhole, signal }), [runId, name, isWhole]);
  if (error) return html`<${ErrorNotice} error=${error} onRetry=${reload} />`;
  if (!value) return html`<${Loading} />`;
  return html`<div class="output-value">
    ${value.isTooLarge
      ? html`<p>This output has ${formatBytes(value.bytes)}. <button type="button" onClick=${() => setIsWhole(true)}>Show it</button></p>`
      : html`<${ValueView} value=${value.content} label=${name} />`}
    <p class="muted">${formatBytes(value.bytes)} · <${ApiLink} segments=${segments} name="${name}.json" download="${name}.json">Download JSON</${ApiLink}></p>
  </div>`;
}

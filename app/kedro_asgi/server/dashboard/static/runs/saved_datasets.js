// The datasets that nodes of a run have saved: what they are, and a preview where the catalog asks for one.

import { html, useState } from "../html.js";
import { DatasetPreview } from "../project/dataset_preview.js";

export function SavedDatasets({ names, pipelines }) {
  const known = new Map(pipelines.flatMap(({ datasets }) => datasets).map((dataset) => [dataset.name, dataset]));
  return html`<section aria-labelledby="saved-title">
    <h2 id="saved-title">Saved datasets</h2>
    <p class="muted">A later run may have saved them again.</p>
    <ul class="saved">
      ${names.map((name) => html`<${SavedDataset} key=${name} name=${name} dataset=${known.get(name.split("@")[0])} />`)}
    </ul>
  </section>`;
}

function SavedDataset({ name, dataset }) {
  const [isOpen, setIsOpen] = useState(false);
  const facts = [dataset?.type, dataset?.filepath].filter(Boolean).join(" · ");
  const title = html`<code>${name}</code> <span class="muted">${facts}</span>`;
  if (!dataset?.preview) return html`<li>${title}</li>`;
  return html`<li><details class="output" onToggle=${(event) => setIsOpen(event.target.open)}>
    <summary>${title}</summary>
    ${isOpen && html`<div class="output-value"><${DatasetPreview} name=${dataset.preview} /></div>`}
  </details></li>`;
}

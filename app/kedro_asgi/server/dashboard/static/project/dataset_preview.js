// The beginning of a dataset, or a picture of it, where its catalog entry asks for a preview.

import { html } from "../html.js";
import { getJson } from "../api.js";
import { Loading } from "../feedback.js";
import { useLoaded } from "../loading.js";
import { ValueView } from "../runs/value_view.js";

export function DatasetPreview({ name }) {
  const { value, error, isLoading } = useLoaded((signal) => getJson(["datasets", name, "preview"], { signal }), [name]);
  if (error) return html`<p class="muted">${error.message}</p>`;
  if (isLoading) return html`<${Loading} label="Loading the preview…" />`;
  return html`<h3>Preview</h3><div class="scroller"><${ValueView} value=${value} label="Preview of ${name}" /></div>`;
}

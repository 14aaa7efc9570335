// One labelled field of a form, with its hint and its problem, tied together for screen readers.

import { html } from "../html.js";

// Return the id of the control for a place in the request.
export function fieldId(loc) {
  return `field-${encodeURIComponent(JSON.stringify(loc))}`;
}

// Move the focus to the control for a place, or to that of the nearest place around it.
export function focusField(loc) {
  for (let length = loc.length; length > 0; length -= 1) {
    const control = document.getElementById(fieldId(loc.slice(0, length)));
    if (control === null) continue;
    for (let details = control.closest("details"); details; details = details.parentElement.closest("details")) details.open = true;
    control.focus();
    return;
  }
}

// Return the attributes of a control: its id, and where its hint and its problem stand.
export function controlProps(loc, { problem, hint } = {}) {
  const id = fieldId(loc);
  const described = [hint && `${id}-hint`, problem && `${id}-problem`].filter(Boolean).join(" ");
  return { id, "aria-describedby": described || undefined, "aria-invalid": problem ? "true" : undefined };
}

export function Field({ loc, label, isRequired = false, isChanged = false, isWide = false, onReset, problem, hint, children }) {
  const id = fieldId(loc);
  const names = ["field", isChanged && "changed", isWide && "wide"].filter(Boolean).join(" ");
  return html`<div class=${names}>
    <div class="field-head">
      <label for=${id}>${label}${isRequired && html`<span class="required"> required</span>`}</label>
      ${isChanged && html`<button type="button" class="reset" onClick=${onReset} aria-label=${`Reset ${label}`}>reset</button>`}
    </div>
    ${children}
    <${FieldNotes} loc=${loc} hint=${hint} problem=${problem} />
  </div>`;
}

export function FieldNotes({ loc, hint, problem }) {
  const id = fieldId(loc);
  return html`${hint && html`<p class="field-hint" id=${`${id}-hint`}>${hint}</p>`}
    ${problem && html`<p class="field-error" id=${`${id}-problem`}>${problem}</p>`}`;
}

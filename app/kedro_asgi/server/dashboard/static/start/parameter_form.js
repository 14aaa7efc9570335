// The fields for the parameters of a pipeline, in groups as they are nested.

import { html } from "../html.js";
import { Field, controlProps, fieldId } from "./field.js";
import { pathKey, textOf } from "./parameter_fields.js";

// `texts` are the changed texts by path; `onChange(path, text)` changes one, and `undefined` resets it.
export function ParameterFields({ fields, texts, problemAt, onChange }) {
  return fields.map((field) =>
    field.kind === "group"
      ? html`<${Group} key=${field.name} field=${field} texts=${texts} problemAt=${problemAt} onChange=${onChange} />`
      : html`<${ParameterField} key=${field.name} field=${field} text=${texts[pathKey(field.path)]}
          problem=${problemAt(["params", ...field.path])} onChange=${onChange} />`,
  );
}

function Group({ field, texts, problemAt, onChange }) {
  const problem = problemAt(["params", ...field.path], { exactly: true });
  return html`<fieldset class="field-group" id=${fieldId(["params", ...field.path])} tabindex="-1">
    <legend>${field.name}</legend>
    ${field.schema.description && html`<p class="field-hint">${field.schema.description}</p>`}
    ${problem && html`<p class="field-error">${problem}</p>`}
    <div class="field-grid">
      <${ParameterFields} fields=${field.fields} texts=${texts} problemAt=${problemAt} onChange=${onChange} />
    </div>
  </fieldset>`;
}

function ParameterField({ field, text, problem, onChange }) {
  const { path, name, kind, schema, initial, isRequired } = field;
  const loc = ["params", ...path];
  const hint = hintOf(field);
  const shown = text ?? textOf(initial, kind);
  const props = controlProps(loc, { problem, hint });
  const change = (next) => onChange(path, next);
  return html`<${Field} loc=${loc} label=${name} hint=${hint} problem=${problem} isWide=${kind === "json"} isChanged=${text !== undefined}
    isRequired=${isRequired && initial === undefined} onReset=${() => change(undefined)}>
    <${CONTROLS[kind]} props=${props} text=${shown} schema=${schema} onChange=${change} />
  <//>`;
}

function hintOf({ schema, path, initial, isRequired }) {
  // The schema leaves out values that are hidden, such as a password.
  const isHidden = path.length === 1 && initial === undefined && !isRequired;
  return [schema.description, rangeHint(schema), isHidden && "The project's value is not shown."].filter(Boolean).join(" · ");
}

function rangeHint({ minimum, exclusiveMinimum, maximum, exclusiveMaximum, type }) {
  const whole = type === "integer" ? "whole number" : "";
  if (minimum !== undefined && maximum !== undefined) return [whole, `from ${minimum} to ${maximum}`].filter(Boolean).join(" ");
  const low = minimum !== undefined ? `at least ${minimum}` : exclusiveMinimum !== undefined ? `above ${exclusiveMinimum}` : "";
  const high = maximum !== undefined ? `at most ${maximum}` : exclusiveMaximum !== undefined ? `below ${exclusiveMaximum}` : "";
  return [whole, low, high].filter(Boolean).join(", ");
}

const CONTROLS = {
  text: TextControl,
  number: NumberControl,
  boolean: BooleanControl,
  choice: ChoiceControl,
  json: JsonControl,
};

function TextControl({ props, text, onChange }) {
  const isLong = text.includes("\n") || text.length > 60;
  const input = (event) => onChange(event.target.value);
  return isLong
    ? html`<textarea ...${props} rows="3" value=${text} onInput=${input}></textarea>`
    : html`<input ...${props} type="text" value=${text} onInput=${input} autocomplete="off" />`;
}

// Not `type=number`: a browser would hide from the form what is wrong with a text.
function NumberControl({ props, text, onChange }) {
  return html`<input ...${props} type="text" inputmode="decimal" value=${text} autocomplete="off"
    onInput=${(event) => onChange(event.target.value)} />`;
}

function BooleanControl({ props, text, onChange }) {
  return html`<span class="switch"><input ...${props} type="checkbox" checked=${text === "true"}
    onChange=${(event) => onChange(String(event.target.checked))} /></span>`;
}

function ChoiceControl({ props, text, schema, onChange }) {
  const choices = schema.isNullable && !schema.enum.includes(null) ? [...schema.enum, null] : schema.enum;
  return html`<select ...${props} value=${text} onChange=${(event) => onChange(event.target.value)}>
    ${text === "" && html`<option value="">Choose…</option>`}
    ${choices.map((choice) => html`<option value=${JSON.stringify(choice)}>${choice === null ? "none" : String(choice)}</option>`)}
  </select>`;
}

function JsonControl({ props, text, onChange }) {
  const rows = Math.min(Math.max(text.split("\n").length, 1), 8);
  return html`<textarea ...${props} rows=${rows} spellcheck=${false} value=${text}
    onInput=${(event) => onChange(event.target.value)}></textarea>`;
}

// The filters above the list of runs; each change is a change of the address.

import { html, useState } from "../html.js";
import { getJson } from "../api.js";
import { useLoaded } from "../loading.js";
import { SPANS, withFilter } from "./query.js";
import { STATUSES, statusWord } from "../status.js";

export function RunFilters({ query, onChange }) {
  const set = (name, values) => onChange(withFilter(query, name, values));
  return html`<form class="filters" role="search" aria-label="Filter the runs" onSubmit=${(event) => event.preventDefault()}>
    <${StatusFilter} chosen=${query.getAll("status")} onChange=${(statuses) => set("status", statuses)} />
    <${PipelineFilter} chosen=${query.get("pipeline") ?? ""} onChange=${(name) => set("pipeline", [name])} />
    <${SinceFilter} chosen=${query.get("since") ?? ""} onChange=${(span) => set("since", [span])} />
    <${LabelFilter} labels=${query.getAll("label")} onChange=${(labels) => set("label", labels)} />
  </form>`;
}

function StatusFilter({ chosen, onChange }) {
  const toggle = (status) => onChange(chosen.includes(status) ? chosen.filter((known) => known !== status) : [...chosen, status]);
  return html`<fieldset class="choices">
    <legend class="field-label">Status</legend>
    ${STATUSES.map(
      (status) => html`<label key=${status} class="choice" data-status=${status}>
        <input type="checkbox" class="visually-hidden" checked=${chosen.includes(status)} onChange=${() => toggle(status)} />
        ${statusWord(status)}
      </label>`,
    )}
  </fieldset>`;
}

function PipelineFilter({ chosen, onChange }) {
  const { value } = useLoaded((signal) => getJson(["pipelines"], { signal }), []);
  const names = value?.pipelines.map(({ name }) => name) ?? [];
  // A run of a pipeline that the project no longer has can be looked for by its address.
  const listed = chosen && !names.includes(chosen) ? [chosen, ...names] : names;
  return html`<div class="field">
    <label for="pipeline-filter">Pipeline</label>
    <select id="pipeline-filter" value=${chosen} onChange=${(event) => onChange(event.target.value)}>
      <option value="">All</option>
      ${listed.map((name) => html`<option key=${name} value=${name} selected=${name === chosen}>${name}</option>`)}
    </select>
  </div>`;
}

function SinceFilter({ chosen, onChange }) {
  const listed = SPANS.some(([span]) => span === chosen) ? SPANS : [...SPANS, [chosen, `Since ${chosen}`]];
  return html`<div class="field">
    <label for="since-filter">Created</label>
    <select id="since-filter" value=${chosen} onChange=${(event) => onChange(event.target.value)}>
      ${listed.map(([span, word]) => html`<option key=${span} value=${span} selected=${span === chosen}>${word}</option>`)}
    </select>
  </div>`;
}

function LabelFilter({ labels, onChange }) {
  const [text, setText] = useState("");
  const isValid = text === "" || /^[^=]+=/.test(text);
  const add = (event) => {
    if (event.key !== "Enter" || !text || !isValid) return;
    event.preventDefault();
    onChange([...new Set([...labels, text])]);
    setText("");
  };
  return html`<div class="field">
    <label for="label-filter">Label</label>
    <div class="label-filter">
      <input id="label-filter" placeholder="name=value" value=${text} aria-invalid=${!isValid}
        aria-describedby="label-filter-help" onInput=${(event) => setText(event.target.value)} onKeyDown=${add} />
      <span id="label-filter-help" class="visually-hidden">Write name=value and press Enter.</span>
      ${labels.map(
        (label) => html`<${ChosenLabel} key=${label} label=${label} onRemove=${() => onChange(labels.filter((known) => known !== label))} />`,
      )}
    </div>
  </div>`;
}

function ChosenLabel({ label, onRemove }) {
  return html`<button type="button" class="chip removable" onClick=${onRemove}>
    ${label}<span aria-hidden="true"> ×</span><span class="visually-hidden"> remove</span>
  </button>`;
}

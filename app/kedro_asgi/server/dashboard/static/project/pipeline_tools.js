// Above a graph: search, filters, and what is drawn of the pipeline.

import { html } from "../html.js";
import { ApiLink } from "../api_link.js";

export function PipelineTools({ pipeline, query, matching, onChange, onCollapse, drawing }) {
  const hasParameters = query.get("parameters") !== "false";
  return html`<div class="pipeline-tools" role="search">
    <${Search} text=${query.get("q") ?? ""} selected=${query.get("element")} matching=${matching} onChange=${onChange} />
    <${Choice} label="Tag" values=${pipeline.tags} value=${query.get("tag")} onChange=${(tag) => onChange({ tag })} />
    <${Choice} label="Namespace" values=${pipeline.namespaces} value=${query.get("namespace")} onChange=${(namespace) => onChange({ namespace })} />
    <${Collapsing} namespaces=${pipeline.namespaces} collapsed=${pipeline.layout.collapsed} onCollapse=${onCollapse} />
    <label class="checkbox"
      ><input type="checkbox" checked=${hasParameters} onChange=${() => onChange({ parameters: hasParameters ? "false" : null })} />
      Parameters</label
    >
    <${ApiLink} segments=${["pipelines", pipeline.name, "graph.svg"]} query=${drawing} name="${pipeline.name}.svg" class="button" target="_blank" rel="noopener">SVG</${ApiLink}>
  </div>`;
}

// Enter goes from match to match.
function Search({ text, selected, matching, onChange }) {
  const found = matching ? [...matching] : [];
  const next = (event) => {
    if (event.key !== "Enter" || !found.length) return;
    onChange({ element: found[(found.indexOf(selected) + 1) % found.length] });
  };
  return html`<div class="field search">
    <label for="element-search">Search</label>
    <input id="element-search" type="search" value=${text} placeholder="Node, dataset, parameter, function" onInput=${(event) => onChange({ q: event.target.value || null })} onKeyDown=${next} />
    <span class="visually-hidden" role="status">${matching ? `${found.length} found` : ""}</span>
  </div>`;
}

function Choice({ label, values, value, onChange }) {
  if (!values.length) return null;
  return html`<div class="field">
    <label for="filter-${label}">${label}</label>
    <select id="filter-${label}" value=${value ?? ""} onChange=${(event) => onChange(event.target.value || null)}>
      <option value="">All</option>
      ${values.map((found) => html`<option key=${found} value=${found}>${found}</option>`)}
    </select>
  </div>`;
}

// Return the namespaces that are in no other.
export function outerNamespaces(namespaces) {
  return namespaces.filter((name) => !namespaces.some((other) => name.startsWith(`${other}.`)));
}

// Collapse one namespace, or all outer ones.
function Collapsing({ namespaces, collapsed, onCollapse }) {
  if (!namespaces.length) return null;
  const toggle = ({ target: { value } }) => {
    const others = collapsed.filter((found) => found !== value);
    if (value) onCollapse(others.length < collapsed.length ? others : [...collapsed, value]);
  };
  return html`<div class="field">
      <label for="collapse">Collapse</label>
      <select id="collapse" value="" onChange=${toggle}>
        <option value="">${collapsed.length ? `${collapsed.length} collapsed` : "None"}</option>
        ${namespaces.map((name) => html`<option key=${name} value=${name}>${collapsed.includes(name) ? `✓ ${name}` : name}</option>`)}
      </select>
    </div>
    <button type="button" onClick=${() => onCollapse(collapsed.length ? [] : outerNamespaces(namespaces))}>
      ${collapsed.length ? "Expand all" : "Collapse all"}
    </button>`;
}

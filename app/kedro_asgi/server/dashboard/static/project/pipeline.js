// One pipeline: its graph with search and filters, and what is known of the selected element.

import { html, useMemo } from "../html.js";
import { getJson } from "../api.js";
import { ErrorNotice, Loading } from "../feedback.js";
import { shortRunId } from "../formatting.js";
import { Graph } from "../graph/graph.js";
import { statesOfRun } from "../graph/states.js";
import { useLoaded } from "../loading.js";
import { href, replaceAddress } from "../router.js";
import { isFinal } from "../status.js";
import { ElementDetails } from "./element_details.js";
import { findMatching } from "./matching.js";
import { outerNamespaces, PipelineTools } from "./pipeline_tools.js";

// So many nodes are too many to read at a glance.
const LARGE = 120;

// What the page shows is in the query of its address: `element`, `q`, `tag`, `namespace`, `collapse`, `parameters`, `run`.
// Without `collapse`, the outer namespaces of a large pipeline are collapsed, unless `expand` says otherwise.
export function Pipeline({ name, summary, query }) {
  const drawing = drawingQuery(query, summary);
  const load = (signal) => getJson(["pipelines", name], { query: drawing, signal });
  const { value, error, reload } = useLoaded(load, [name, drawing.join("&")]);
  const { value: run, error: runError } = useRunNodes(query.get("run"));
  const states = useMemo(() => value && run && statesOfRun(value.nodes, run, isFinal(run)), [value, run]);
  const filters = ["q", "tag", "namespace"].map((key) => query.get(key) ?? "");
  const matching = useMemo(() => value && findMatching(value, ...filters), [value, ...filters]);
  if (error) return html`<${ErrorNotice} error=${error} onRetry=${reload} />`;
  if (!value) return html`<${Loading} />`;
  const change = (changes) => replaceAddress(href(["project", name], changed(query, changes)));
  const select = (element) => change({ element });
  const collapse = (namespaces) => change({ collapse: namespaces, expand: namespaces.length ? null : "all", element: null });
  const toggle = (namespace) => collapse(toggled(value.layout.collapsed, namespace));
  const open = (id) => id.startsWith("namespace:") && toggle(id.slice("namespace:".length));
  const selected = query.get("element");
  const details = html`<${ElementDetails} pipeline=${value} id=${selected} onSelect=${select} onToggle=${toggle} />`;
  return html`<section class="card" aria-label="Pipeline ${name}">
    <${PipelineTools} pipeline=${value} query=${query} matching=${matching} onChange=${change} onCollapse=${collapse} drawing=${[...drawing, ...[...query].filter(([key]) => key === "run")]} />
    ${runError && html`<p class="notice warning">The colours of the run cannot be shown: ${runError.message}</p>`}
    ${run && html`<p class="notice">Coloured by run <a href=${href(["runs", run.run_id])}>${shortRunId(run.run_id)}</a>. <button type="button" class="quiet" onClick=${() => change({ run: null })}>Show no run</button></p>`}
    <div class=${isKnown(value, selected) ? "pipeline-view with-details" : "pipeline-view"}>
      <${Graph} layout=${value.layout} states=${states ?? undefined} selected=${selected} matching=${matching} onSelect=${select} onOpen=${open} label="Pipeline ${name}" />
      ${isKnown(value, selected) && details}
    </div>
  </section>`;
}

function useRunNodes(runId) {
  const load = (signal) => (runId ? getJson(["runs", runId, "nodes"], { signal }) : Promise.resolve(null));
  return useLoaded(load, [runId]);
}

function drawingQuery(query, { nodes, namespaces }) {
  const isLarge = nodes > LARGE && !query.has("collapse") && !query.has("expand");
  const collapsed = isLarge ? outerNamespaces(namespaces) : query.getAll("collapse");
  const parameters = query.get("parameters") === "false" ? [["parameters", "false"]] : [];
  return [...collapsed.map((namespace) => ["collapse", namespace]), ...parameters];
}

// Return the query with other values: a list for a key that repeats, null for one that goes.
function changed(query, changes) {
  const kept = [...query].filter(([key]) => !(key in changes));
  const added = Object.entries(changes).flatMap(([key, value]) => [value ?? []].flat().map((found) => [key, found]));
  return [...kept, ...added];
}

function toggled(values, value) {
  return values.includes(value) ? values.filter((found) => found !== value) : [...values, value];
}

function isKnown({ layout }, id) {
  return id !== null && layout.boxes.some((box) => box.id === id);
}

// What is known of the selected element of a pipeline.

import { html } from "../html.js";
import { href } from "../router.js";
import { DatasetPreview } from "./dataset_preview.js";
import { LastDurations } from "./last_durations.js";

const KINDS = { node: "Node", dataset: "Dataset", parameter: "Parameter", namespace: "Namespace" };

export function ElementDetails({ pipeline, id, onSelect, onToggle }) {
  const box = pipeline.layout.boxes.find((found) => found.id === id);
  const Facts = { node: NodeFacts, dataset: DatasetFacts, parameter: ParameterFacts, namespace: NamespaceFacts }[box.kind];
  return html`<aside class="element-details" aria-label="${KINDS[box.kind]} ${box.name}">
    <header>
      <div><span class="muted">${KINDS[box.kind]}</span><h2>${box.name}</h2></div>
      <button type="button" class="quiet" aria-label="Close" onClick=${() => onSelect(null)}>✕</button>
    </header>
    <${Facts} pipeline=${pipeline} box=${box} onSelect=${onSelect} onToggle=${onToggle} />
  </aside>`;
}

function NodeFacts({ pipeline, box, onSelect }) {
  const node = pipeline.nodes.find(({ id }) => id === box.id);
  return html`<dl>
      <${Fact} title="Function"><code>${node.func_name}</code><//>
      ${node.source && html`<${Fact} title="Source"><code>${node.source.filepath}:${node.source.line_start}–${node.source.line_end}</code><//>`}
      ${node.namespace && html`<${Fact} title="Namespace">${node.namespace}<//>`}
      ${node.tags.length > 0 && html`<${Fact} title="Tags">${node.tags.map((tag) => html`<span class="chip" key=${tag}>${tag}</span> `)}<//>`}
      <${Names} title="Inputs" names=${node.inputs} pipeline=${pipeline} onSelect=${onSelect} />
      <${Names} title="Outputs" names=${node.outputs} pipeline=${pipeline} onSelect=${onSelect} />
    </dl>
    <${LastDurations} pipeline=${pipeline.name} node=${node.name} />
    <p><a href=${href(["start", pipeline.name], { from_nodes: node.name })}>Start from this node</a></p>`;
}

function DatasetFacts({ pipeline, box, onSelect }) {
  const dataset = pipeline.datasets.find(({ id }) => id === box.id);
  const formats = Object.entries(dataset.formats);
  return html`<dl>
      ${!formats.length && html`<${Fact} title="Type">${dataset.type ? html`<code>${dataset.type}</code>` : "in memory"}<//>`}
      ${formats.length > 0 && html`<${Fact} title="Formats"><ul>${formats.map(([name, type]) => html`<li key=${name}><code>${name}</code>: ${type ?? "in memory"}</li>`)}</ul><//>`}
      ${dataset.filepath && html`<${Fact} title="File"><code>${dataset.filepath}</code><//>`}
      ${dataset.layer && html`<${Fact} title="Layer">${dataset.layer}<//>`}
      <${Neighbours} pipeline=${pipeline} box=${box} onSelect=${onSelect} />
    </dl>
    ${dataset.preview && html`<${DatasetPreview} key=${dataset.preview} name=${dataset.preview} />`}`;
}

function ParameterFacts({ pipeline, box, onSelect }) {
  return html`<dl><${Neighbours} pipeline=${pipeline} box=${box} onSelect=${onSelect} /></dl>`;
}

function NamespaceFacts({ pipeline, box, onSelect, onToggle }) {
  return html`<dl>
      <${Fact} title=${`Nodes (${box.members.length})`}><ul>${box.members.map((name) => html`<li key=${name}><code>${name}</code></li>`)}</ul><//>
      <${Neighbours} pipeline=${pipeline} box=${box} onSelect=${onSelect} />
    </dl>
    <button type="button" onClick=${() => onToggle(box.name)}>Expand</button>`;
}

// The boxes before and after one in the graph.
function Neighbours({ pipeline, box, onSelect }) {
  const { edges, boxes } = pipeline.layout;
  const named = (ids) => boxes.filter(({ id }) => ids.includes(id));
  const before = named(edges.filter(({ target }) => target === box.id).map(({ source }) => source));
  const after = named(edges.filter(({ source }) => source === box.id).map(({ target }) => target));
  const isData = box.kind === "dataset" || box.kind === "parameter";
  return html`${before.length > 0 && html`<${Fact} title=${isData ? "Written by" : "Inputs"}><${Boxes} boxes=${before} onSelect=${onSelect} /><//>`}
  ${after.length > 0 && html`<${Fact} title=${isData ? "Read by" : "Outputs"}><${Boxes} boxes=${after} onSelect=${onSelect} /><//>`}`;
}

function Boxes({ boxes, onSelect }) {
  return html`<ul>
    ${boxes.map(({ id, name }) => html`<li key=${id}><button type="button" class="link" onClick=${() => onSelect(id)}>${name}</button></li>`)}
  </ul>`;
}

// Datasets and parameters of a node, in the order of its function; one that is not drawn is no link.
function Names({ title, names, pipeline, onSelect }) {
  const byName = new Map(pipeline.layout.boxes.filter(({ kind }) => kind !== "node").map(({ name, id }) => [name, id]));
  const idOf = (name) => byName.get(name) ?? byName.get(name.split("@")[0]);
  return html`<${Fact} title=${title}>
    ${names.length === 0 && "none"}
    <ul>
      ${names.map((name) => html`<li key=${name}>${idOf(name) ? html`<button type="button" class="link" onClick=${() => onSelect(idOf(name))}>${name}</button>` : name}</li>`)}
    </ul>
  <//>`;
}

function Fact({ title, children }) {
  return html`<dt>${title}</dt><dd>${children}</dd>`;
}

// The graph of a run's pipeline, coloured by the states of its nodes.

import { html, useMemo, useState } from "../html.js";
import { Graph } from "../graph/graph.js";

const NODE = "node:";

// `pipelines` are the answers of `GET /pipelines/{name}`; a run of several shows one at a time.
export function RunGraph({ pipelines, nodes, chosen, onChoose }) {
  const [index, setIndex] = useState(0);
  const text = nodes.map(({ name, status }) => `${name}\n${status}`).join("\n\n");
  const states = useMemo(() => Object.fromEntries(nodes.map(({ name, status }) => [name, status])), [text]);
  const pipeline = pipelines[index] ?? pipelines[0];
  return html`<div class="run-graph">
    ${pipelines.length > 1 && html`<${PipelineChoice} pipelines=${pipelines} index=${index} onChange=${setIndex} />`}
    <${Graph}
      layout=${pipeline.layout}
      states=${states}
      selected=${chosen && NODE + chosen}
      onSelect=${(id) => onChoose(id?.startsWith(NODE) ? id.slice(NODE.length) : null)}
      label=${`Graph of ${pipeline.name}`}
    />
  </div>`;
}

function PipelineChoice({ pipelines, index, onChange }) {
  return html`<div class="field">
    <label for="graph-pipeline">Pipeline</label>
    <select id="graph-pipeline" onChange=${(event) => onChange(Number(event.target.value))}>
      ${pipelines.map(({ name }, n) => html`<option key=${name} value=${n} selected=${n === index}>${name}</option>`)}
    </select>
  </div>`;
}

// What the start page loads: the pipelines, the chosen one with the schema of its request, and a recorded run.

import { getJson } from "../api.js";
import { fieldsOf } from "./parameter_fields.js";
import { requestOfRecord } from "./recorded_request.js";
import { SLICES } from "./form.js";

const DEFAULT_PIPELINE = "__default__";

// Return all that the form shows. Without a pipeline in the address, it is that of the recorded run, or the default one.
export async function loadStart({ pipeline, from, signal }) {
  const [{ pipelines }, record] = await Promise.all([
    getJson(["pipelines"], { signal }),
    from ? getJson(["runs", from], { signal }) : undefined,
  ]);
  const recorded = record && requestOfRecord(record);
  const ran = recorded?.request.pipeline_names ?? [];
  const names = pipelines.map(({ name }) => name);
  const chosen = pipeline ?? ran[0] ?? (names.includes(DEFAULT_PIPELINE) || !names.length ? DEFAULT_PIPELINE : names[0]);
  const [description, schema] = await Promise.all([
    getJson(["pipelines", chosen], { signal }),
    loadSchema(chosen, {}, { signal }),
  ]);
  return { from, names, chosen, description, schema, recorded: recorded && { ...recorded, others: ran.filter((name) => name !== chosen) } };
}

// Return the schema of a run of the nodes that the lists of names leave.
export function loadSchema(pipeline, names, { signal } = {}) {
  const query = SLICES.flatMap((slice) => (names[slice] ?? []).map((name) => [slice, name]));
  return getJson(["pipelines", pipeline, "schema"], { query, signal });
}

export function parameterFields(schema) {
  return fieldsOf(schema.properties?.params ?? {}, schema);
}

// Return the names that a list of the request may hold.
export function knownNames(description) {
  const datasets = description.datasets.map(({ name }) => name);
  const nodes = description.nodes.map(({ name }) => name);
  const { tags, namespaces } = description;
  return {
    tags,
    namespaces,
    node_names: nodes,
    from_nodes: nodes,
    to_nodes: nodes,
    from_inputs: datasets,
    to_outputs: datasets,
    outputs: description.nodes.flatMap(({ outputs }) => outputs),
  };
}

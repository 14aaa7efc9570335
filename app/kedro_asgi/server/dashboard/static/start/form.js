// The state of the start form, and the request that it means.
//
// `params` holds the texts of changed parameter fields by path; `extras`, `labels` and `versions` are rows of a name and
// a text; `inputs` holds drafts by dataset; `names` holds the lists of names by their field in the request. `retries` are
// those of the recorded run, which no field changes.

import { draftOf, isBlank, readDraft } from "./input_drafts.js";
import { isObject } from "./json_schema.js";
import { memoize } from "./memoization.js";
import { readFields, readJson, textsOf } from "./parameter_fields.js";
import { checkValue } from "./schema_check.js";

export const SLICES = ["tags", "node_names", "from_nodes", "to_nodes", "from_inputs", "to_outputs", "namespaces"];
export const LISTS = [...SLICES, "outputs", "pipeline_names"];

export function emptyForm(schema) {
  const names = Object.fromEntries(LISTS.map((name) => [name, []]));
  return {
    params: {},
    extras: [],
    inputs: {},
    names: { ...names, outputs: schema.properties?.outputs?.default ?? [] },
    options: { runner: "", timeout_seconds: "", on_interrupt: "mark", is_async: false, only_missing_outputs: false },
    labels: [],
    versions: [],
  };
}

// Return the form that shows a request, as `POST /runs` takes it or as a record keeps it.
export function formOf(request, { schema, fields }) {
  const form = emptyForm(schema);
  const { texts, others } = textsOf(fields, request.params ?? {});
  const lists = LISTS.filter((name) => Array.isArray(request[name])).map((name) => [name, request[name]]);
  const options = Object.keys(form.options).filter((name) => request[name] !== undefined && request[name] !== null);
  const inputs = isObject(request.inputs) ? Object.entries(request.inputs) : [];
  const inputSchemas = schema.properties?.inputs?.properties ?? {};
  return {
    params: texts,
    extras: rowsOf(others, (value) => (isPlainText(value) ? value : JSON.stringify(value))),
    inputs: Object.fromEntries(inputs.map(([name, value]) => [name, draftOf(value, inputSchemas[name], schema)])),
    names: { ...form.names, ...Object.fromEntries(lists) },
    options: { ...form.options, ...Object.fromEntries(options.map((name) => [name, optionValue(request[name])])) },
    labels: rowsOf(request.labels ?? {}, String),
    versions: rowsOf(request.load_versions ?? {}, String),
    retries: request.retries,
  };
}

function optionValue(value) {
  return typeof value === "number" ? String(value) : value;
}

function rowsOf(values, textOf) {
  return Object.entries(values).map(([name, value]) => ({ name, text: textOf(value) }));
}

// Return `{body, problems}`: what `POST /pipelines/{name}/run` takes, and what is wrong, by the path in it.
export function requestOf(form, { schema, fields }) {
  const inputs = readInputs(form, schema);
  const params = readFields(fields, form.params, schema);
  const { names, options } = form;
  const seconds = readSeconds(options.timeout_seconds);
  const extras = readExtras(form.extras);
  const body = {
    inputs: inputs.values,
    params: mergeParams(params.values, extras.values),
    outputs: names.outputs,
    ...Object.fromEntries(SLICES.map((name) => [name, names[name]])),
    load_versions: Object.fromEntries(filled(form.versions).map(({ name, text }) => [name.trim(), text])),
    runner: options.runner.trim(),
    is_async: options.is_async,
    only_missing_outputs: options.only_missing_outputs,
    timeout_seconds: seconds.value,
    labels: Object.fromEntries(filled(form.labels).map(({ name, text }) => [name.trim(), text])),
    on_interrupt: options.on_interrupt === "mark" ? undefined : options.on_interrupt,
    retries: form.retries,
  };
  const given = Object.fromEntries(Object.entries(body).filter(([, value]) => isGiven(value)));
  const problems = [...at("inputs", inputs.problems), ...at("params", params.problems), ...extras.problems];
  return { body: given, problems: [...problems, ...seconds.problems, ...checkOptions(given, schema)] };
}

function isGiven(value) {
  if (value === undefined || value === "" || value === false) return false;
  return typeof value !== "object" || Object.keys(value).length > 0;
}

function at(name, problems) {
  return problems.map(({ loc, msg }) => ({ loc: [name, ...loc], msg }));
}

function readInputs({ inputs }, schema) {
  const known = schema.properties?.inputs ?? {};
  const values = {};
  const problems = [];
  for (const [name, draft] of Object.entries(inputs)) {
    if (isBlank(draft)) continue;
    const read = readInput(draft, known.properties?.[name], schema, name);
    problems.push(...read.problems);
    if (read.value !== undefined) values[name] = read.value;
  }
  const isMissing = (name) => !inputs[name] || isBlank(inputs[name]);
  const missing = (known.required ?? []).filter(isMissing).map((name) => ({ loc: [name], msg: "is required" }));
  return { values, problems: [...missing, ...problems] };
}

const readInput = memoize((draft, part = {}, root, name) => {
  const { value, problems } = readDraft(draft, { schema: part, root, loc: [name] });
  return problems.length ? { problems } : { value, problems: checkValue(value, part, root, [name]) };
});

// A row `model.depth` with the text `3` is the parameter `{model: {depth: 3}}`, as on the command line.
function readExtras(rows) {
  const problems = rows.flatMap(({ name, text }, n) =>
    name.trim() === "" && text !== "" ? [{ loc: ["extras", n], msg: "needs a name" }] : [],
  );
  const values = filled(rows).reduce((found, { name, text }) => {
    const nested = name.trim().split(".").reduceRight((inner, part) => ({ [part]: inner }), plainValue(text));
    return mergeParams(found, nested);
  }, {});
  return { values, problems };
}

function plainValue(text) {
  return readJson(text).value ?? (text.trim() === "null" ? null : text);
}

// Whether a row shows a text as it is, and not as JSON, because reading gives it back.
function isPlainText(value) {
  return typeof value === "string" && plainValue(value) === value;
}

// A map, since an object takes the name `__proto__` for its prototype.
function mergeParams(one, other) {
  const merged = new Map(Object.entries(one));
  for (const [name, value] of Object.entries(other)) {
    const former = merged.get(name);
    merged.set(name, isObject(value) && isObject(former) ? mergeParams(former, value) : value);
  }
  return Object.fromEntries(merged);
}

function filled(rows) {
  return rows.filter(({ name }) => name.trim() !== "");
}

function readSeconds(text) {
  if (text.trim() === "") return { problems: [] };
  const value = Number(text);
  const msg = Number.isFinite(value) && value > 0 ? null : "must be a number of seconds greater than 0";
  return msg ? { problems: [{ loc: ["timeout_seconds"], msg }] } : { value, problems: [] };
}

function checkOptions(body, schema) {
  const names = ["runner", "timeout_seconds", "labels"].filter((name) => name in body);
  return names.flatMap((name) => checkValue(body[name], schema.properties?.[name] ?? {}, schema, [name]));
}

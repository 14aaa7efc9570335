// The fields for parameters: which there are, and what a user's texts in them mean.
//
// Only texts that a user changed are kept, by the path of their field. All other parameters stay as the project has
// them, and are not sent.

import { inferSchema, isEqual, isObject, resolveSchema } from "./json_schema.js";
import { jsonText } from "./literals.js";
import { checkValue } from "./schema_check.js";

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

// A text in a field, by the field's path.
export function pathKey(path) {
  return JSON.stringify(path);
}

// Return the fields of an object's schema: `{path, name, kind, schema, initial, isRequired}`; a group has `fields`.
export function fieldsOf(schema, root, { path = [], initial = undefined } = {}) {
  const object = resolveSchema(schema, root);
  const values = initial ?? object.default ?? {};
  return Object.entries(object.properties ?? {}).map(([name, part]) => {
    const isRequired = (object.required ?? []).includes(name);
    return fieldOf(part, root, { path: [...path, name], name, given: values[name], isRequired });
  });
}

function fieldOf(part, root, { path, name, given, isRequired }) {
  const known = resolveSchema(part, root);
  const initial = given === undefined ? known.default : given;
  const schema = withChoices(isTyped(known) ? known : { ...known, ...inferSchema(initial) });
  const kind = kindOf(schema, initial);
  const field = { path, name, kind, schema, initial, isRequired };
  return kind === "group" ? { ...field, fields: fieldsOf(schema, root, { path, initial }) } : field;
}

// A box has two states, so a boolean that may be null is a choice.
function withChoices(schema) {
  return schema.type === "boolean" && schema.isNullable && !schema.enum ? { ...schema, enum: [true, false] } : schema;
}

function isTyped(schema) {
  return ["type", "enum", "const", "anyOf", "oneOf"].some((key) => key in schema);
}

function kindOf(schema, initial) {
  if (schema.enum) return "choice";
  if (schema.type === "boolean") return "boolean";
  if (schema.type === "integer" || schema.type === "number") return "number";
  if (schema.type === "string") return initial === null ? "json" : "text";
  const isGroup = schema.type === "object" && Object.keys(schema.properties ?? {}).length > 0;
  return isGroup && !schema.isNullable ? "group" : "json";
}

// Return the text that stands for `value` in a field.
export function textOf(value, kind) {
  if (value === undefined) return "";
  if (kind === "text" && typeof value === "string") return value;
  if (kind === "json") return jsonText(value);
  return value === null && kind === "number" ? "" : JSON.stringify(value);
}

// Return `{values, problems}`: the parameters that differ from the project's, nested, and what is wrong with the texts.
export function readFields(fields, texts, root) {
  const found = fields.map((field) => [field.name, readField(field, texts, root)]);
  const given = found.filter(([, { value }]) => value !== undefined).map(([name, { value }]) => [name, value]);
  return { values: Object.fromEntries(given), problems: found.flatMap(([, { problems }]) => problems) };
}

function readField(field, texts, root) {
  if (field.kind === "group") {
    const { values, problems } = readFields(field.fields, texts, root);
    return { value: Object.keys(values).length ? values : undefined, problems };
  }
  const text = texts[pathKey(field.path)];
  if (text === undefined) return { value: undefined, problems: missing(field) };
  const { value, msg } = readText(text, field);
  if (msg) return { value: undefined, problems: [{ loc: field.path, msg }] };
  if (value === undefined) return { value, problems: missing(field) };
  const problems = checkValue(value, field.schema, root, field.path);
  return { value: isEqual(value, field.initial) ? undefined : value, problems };
}

function missing({ isRequired, initial, path }) {
  return isRequired && initial === undefined ? [{ loc: path, msg: "is required" }] : [];
}

function readText(text, { kind, schema, initial }) {
  switch (kind) {
    case "text":
      return text === "" && initial === undefined ? {} : { value: text };
    case "number":
      return text.trim() === "" ? (schema.isNullable ? { value: null } : {}) : readNumber(text.trim(), schema);
    default:
      return text.trim() === "" ? {} : readJsonOrText(text, schema);
  }
}

function readNumber(text, schema) {
  if (!NUMBER.test(text)) return { msg: schema.type === "integer" ? "must be a whole number" : "must be a number" };
  const value = Number(text);
  if (!Number.isFinite(value)) return { msg: "is too large" };
  // JSON of a browser has no larger integers: the server would get another number.
  const isInexact = /^[+-]?\d+$/.test(text) && !Number.isSafeInteger(value);
  return isInexact ? { msg: "is too large to be sent exactly by a browser" } : { value };
}

// Where a schema allows texts, what is no JSON of another allowed type is a text, so that it needs no quotes.
export function readJsonOrText(text, schema) {
  const found = readJson(text);
  if (schema.type === "string") return isTextOrNull(found.value, schema) ? found : { value: text };
  const allowsText = (schema.anyOf ?? schema.oneOf ?? []).some(({ type }) => type === "string");
  return found.msg && allowsText ? { value: text } : found;
}

function isTextOrNull(value, { isNullable }) {
  return typeof value === "string" || (value === null && isNullable);
}

export function readJson(text) {
  try {
    return { value: JSON.parse(text) };
  } catch (error) {
    return { msg: `is not valid JSON: ${error.message}` };
  }
}

// Return the texts that make the fields show `values`, and the values that no field shows, by their dotted names.
export function textsOf(fields, values) {
  const byName = new Map(fields.map((field) => [field.name, field]));
  const texts = {};
  const others = {};
  for (const [name, value] of Object.entries(values)) {
    const field = byName.get(name);
    if (field?.kind === "group" && isObject(value)) {
      const inner = textsOf(field.fields, value);
      Object.assign(texts, inner.texts);
      for (const [rest, left] of Object.entries(inner.others)) others[`${name}.${rest}`] = left;
    } else if (field && field.kind !== "group") texts[pathKey(field.path)] = textOf(value, fieldKind(field, value));
    else others[name] = value;
  }
  return { texts, others };
}

function fieldKind(field, value) {
  return field.kind === "text" && typeof value !== "string" ? "json" : field.kind;
}

// What a user types as the value of a dataset: a table of texts, or JSON.
//
// A draft is `{form: "table", columns, rows}` with texts in the cells, or `{form: "json", text}`.

import { parseCsv } from "./csv.js";
import { isObject, resolveSchema } from "./json_schema.js";
import { jsonText } from "./literals.js";
import { readJson, readJsonOrText } from "./parameter_fields.js";

const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

// Return an empty draft: a table where the schema describes records, else JSON.
export function emptyDraft(schema, root) {
  const columns = Object.keys(columnSchemas(schema, root) ?? {});
  return columns.length ? { form: "table", columns, rows: [columns.map(() => "")] } : { form: "json", text: "" };
}

// Return the schemas of a table's columns by name, or `null` if the schema describes no table.
export function columnSchemas(schema, root) {
  const known = resolveSchema(schema, root);
  const list = [known, ...(known.anyOf ?? known.oneOf ?? [])].find(({ type, items }) => type === "array" && items);
  const record = list && resolveSchema(list.items, root);
  return record?.type === "object" || record?.properties ? (record.properties ?? {}) : null;
}

const SCALARS = ["string", "integer", "number", "boolean"];

// Whether the schema leaves no room for a table.
export function isScalar(schema, root) {
  return SCALARS.includes(resolveSchema(schema, root).type);
}

export function isBlank(draft) {
  return draft.form === "json" ? draft.text.trim() === "" : draft.rows.every((row) => row.every((cell) => cell === ""));
}

// Return `{value}` of a draft that is not blank, or `{problems}`.
export function readDraft(draft, { schema = {}, root = {}, loc = [] } = {}) {
  if (draft.form === "json") {
    const { value, msg } = readJsonOrText(draft.text, resolveSchema(schema, root));
    return msg ? { problems: [{ loc, msg }] } : { value, problems: [] };
  }
  const repeated = draft.columns.find((name, n) => name === "" || draft.columns.indexOf(name) < n);
  if (repeated !== undefined) {
    return { problems: [{ loc, msg: repeated ? `has two columns '${repeated}'` : "has a column without a name" }] };
  }
  const schemas = columnSchemas(schema, root) ?? {};
  const types = draft.columns.map((name) => resolveSchema(schemas[name] ?? {}, root));
  const rows = draft.rows.filter((row) => row.some((cell) => cell !== ""));
  const records = rows.map((row) => draft.columns.map((name, n) => [name, cellValue(row[n] ?? "", types[n])]));
  return { value: records.map(Object.fromEntries), problems: [] };
}

// An empty cell is a missing value. A text in quotes is text, also if it looks like a number.
export function cellValue(text, { type } = {}) {
  if (text === "") return null;
  if (/^"(.*)"$/s.test(text)) return readJson(text).value ?? text;
  if (type === "string") return text;
  if (NUMBER.test(text)) return Number(text);
  if (text === "true" || text === "false") return text === "true";
  return /^[[{]/.test(text) ? (readJson(text).value ?? text) : text;
}

export function cellText(value, { type } = {}) {
  if (value === null || value === undefined) return "";
  if (typeof value !== "string") return JSON.stringify(value);
  return cellValue(value, { type }) === value ? value : JSON.stringify(value);
}

// Return a draft that shows `value`: records as a table, all else as JSON.
export function draftOf(value, schema, root) {
  const table = tableOf(value, columnSchemas(schema, root) ?? {});
  return table ?? { form: "json", text: jsonText(value) };
}

function tableOf(value, schemas) {
  if (!Array.isArray(value) || !value.length || !value.every(isObject)) return null;
  const columns = [...new Set(value.flatMap(Object.keys))];
  const rows = value.map((record) => columns.map((name) => cellText(record[name], schemas[name])));
  return columns.length ? { form: "table", columns, rows } : null;
}

// Return the draft of a pasted or read text, or `null` if it is neither JSON nor a table with a line of names.
export function draftOfText(text, schema, root) {
  const { value, msg } = readJson(text);
  if (!msg) return typeof value === "object" && value !== null ? draftOf(value, schema, root) : null;
  const [columns, ...rows] = parseCsv(text.trim());
  if (!rows.length || /^\s*[[{]/.test(text)) return null;
  const schemas = columnSchemas(schema, root) ?? {};
  return { form: "table", columns, rows: rows.map((row) => columns.map((name, n) => csvCell(row[n] ?? "", schemas[name]))) };
}

// A text in a file that only looks like JSON is a text.
function csvCell(text, schema) {
  return /^["[{]/.test(text) ? cellText(text, schema) : text;
}

// Values as texts of JSON and Python, where what fits a line stands on one.

import { memoize } from "./memoization.js";

const LINE_LENGTH = 76;
const PYTHON = { step: 4, end: ",", words: { true: "True", false: "False", null: "None" } };
const JSON_STYLE = { step: 2, end: "", words: {} };

// Return `value` as Python writes it; every text of JSON is one of Python too.
export function pythonLiteral(value, indent = 0) {
  return literal(value, indent, PYTHON);
}

// Return `value` as JSON.
export function jsonText(value) {
  return literal(value, 0, JSON_STYLE);
}

function literal(value, indent, style) {
  if (value !== null && typeof value === "object") return container(value, indent, style);
  return (typeof value === "string" ? undefined : style.words[value]) ?? JSON.stringify(value);
}

const container = memoize((value, indent, style) => {
  const { step, end } = style;
  const inner = (item) => literal(item, indent + step, style);
  const isList = Array.isArray(value);
  const parts = isList ? value.map(inner) : Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${inner(item)}`);
  const [open, close] = isList ? "[]" : "{}";
  const line = `${open}${parts.join(", ")}${close}`;
  if (line.length + indent <= LINE_LENGTH && !line.includes("\n")) return line;
  const margin = " ".repeat(indent + step);
  return `${open}\n${margin}${parts.join(`,\n${margin}`)}${end}\n${" ".repeat(indent)}${close}`;
});

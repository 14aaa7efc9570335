// Values as texts of JSON and Python, where what fits a line stands on one.

const LINE_LENGTH = 76;

// Return `value` as Python writes it; every text of JSON is one of Python too.
export function pythonLiteral(value, indent = 0) {
  return literal(value, { indent, step: 4, end: ",", words: { true: "True", false: "False", null: "None" } });
}

// Return `value` as JSON.
export function jsonText(value) {
  return literal(value, { indent: 0, step: 2, end: "", words: {} });
}

function literal(value, { indent, step, end, words }) {
  if (value === null || typeof value !== "object") return (typeof value === "string" ? undefined : words[value]) ?? JSON.stringify(value);
  const inner = (item) => literal(item, { indent: indent + step, step, end, words });
  const isList = Array.isArray(value);
  const parts = isList ? value.map(inner) : Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${inner(item)}`);
  const [open, close] = isList ? "[]" : "{}";
  const line = `${open}${parts.join(", ")}${close}`;
  if (line.length + indent <= LINE_LENGTH && !line.includes("\n")) return line;
  const margin = " ".repeat(indent + step);
  return `${open}\n${margin}${parts.join(`,\n${margin}`)}${end}\n${" ".repeat(indent)}${close}`;
}

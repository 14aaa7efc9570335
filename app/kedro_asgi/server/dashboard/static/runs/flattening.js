// Nested values as pairs of a dotted path and a leaf.

// Return the pairs of an object; lists of plain values stay whole.
export function flatten(value, prefix = "") {
  if (!isNested(value)) return prefix ? [[prefix, value]] : [];
  const entries = Object.entries(value);
  if (!entries.length && prefix) return [[prefix, value]];
  return entries.flatMap(([name, part]) => flatten(part, prefix ? `${prefix}.${name}` : name));
}

function isNested(value) {
  return typeof value === "object" && value !== null && !(Array.isArray(value) && value.every((part) => !isNested(part)));
}

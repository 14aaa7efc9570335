// Parts of a JSON Schema as a form needs them: references followed, and types inferred where none is given.

import { memoize } from "./memoization.js";

const MAX_DEPTH = 12;

// Return `schema` without `$ref`, and without the `null` of a union, which `isNullable` tells.
export function resolveSchema(schema, root, depth = 0) {
  return isObject(schema) && depth <= MAX_DEPTH ? resolve(schema, root, depth) : {};
}

// Each record of a table asks for the same schemas.
const resolve = memoize((schema, root, depth) => {
  if (schema.$ref) {
    const { $ref, ...beside } = schema;
    return { ...resolveSchema(followPointer(root, $ref), root, depth + 1), ...beside };
  }
  if (schema.allOf?.length === 1) {
    const { allOf, ...beside } = schema;
    return { ...resolveSchema(allOf[0], root, depth + 1), ...beside };
  }
  return Array.isArray(schema.type) ? withoutNullType(schema) : withoutNullBranch(schema, root, depth);
});

function followPointer(root, pointer) {
  const names = pointer.replace(/^#\/?/, "").split("/").filter(Boolean);
  const plain = (name) => decodeURIComponent(name).replaceAll("~1", "/").replaceAll("~0", "~");
  return names.map(plain).reduce((found, name) => found?.[name], root) ?? {};
}

function withoutNullType(schema) {
  const types = schema.type.filter((type) => type !== "null");
  const { type, ...rest } = schema;
  const isNullable = types.length < type.length;
  return types.length === 1 ? { ...rest, type: types[0], isNullable } : { ...rest, isNullable };
}

function withoutNullBranch(schema, root, depth) {
  const key = schema.anyOf ? "anyOf" : schema.oneOf ? "oneOf" : null;
  if (key === null) return schema;
  const branches = schema[key].map((branch) => resolveSchema(branch, root, depth + 1));
  const others = branches.filter((branch) => branch.type !== "null");
  if (others.length === branches.length) return { ...schema, [key]: branches };
  const { [key]: _, ...beside } = schema;
  const rest = others.length === 1 ? others[0] : { [key]: others };
  return { ...rest, ...beside, isNullable: true };
}

// Return a schema for values like `example`, which the project itself gives.
export function inferSchema(example) {
  if (typeof example === "boolean") return { type: "boolean" };
  if (typeof example === "number") return { type: "number" };
  if (typeof example === "string") return { type: "string" };
  if (isObject(example) && Object.keys(example).length) {
    const properties = Object.entries(example).map(([name, value]) => [name, inferSchema(value)]);
    return { type: "object", properties: Object.fromEntries(properties) };
  }
  return {};
}

export function isObject(value) {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

export function isEqual(one, other) {
  if (Object.is(one, other)) return true;
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length && one.every((item, n) => isEqual(item, other[n]));
  }
  if (!isObject(one) || !isObject(other)) return false;
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every((name) => name in other && isEqual(one[name], other[name]));
}

// Checks a value against a JSON Schema before it is sent. The server checks again, so a rule it alone knows is no fault.

import { isEqual, isObject, resolveSchema } from "./json_schema.js";

// Return the problems of `value`, each `{loc, msg}` with the path to its place.
export function checkValue(value, schema, root, loc = []) {
  const known = resolveSchema(schema, root);
  if (value === null && known.isNullable) return [];
  const branches = known.anyOf ?? known.oneOf;
  const own = checkOwn(value, known, loc);
  if (own.length || !branches) return own.length ? own : checkParts(value, known, root, loc);
  const found = branches.map((branch) => checkValue(value, branch, root, loc));
  if (found.some((problems) => !problems.length)) return [];
  return found.length === 1 ? found[0] : [{ loc, msg: `must be ${branches.map(typeWord).join(" or ")}` }];
}

function checkOwn(value, schema, loc) {
  const msg = typeProblem(value, schema) ?? rangeProblem(value, schema) ?? lengthProblem(value, schema);
  return msg ? [{ loc, msg }] : [];
}

function typeProblem(value, schema) {
  if (schema.enum && !schema.enum.some((one) => isEqual(one, value))) {
    return `must be one of ${schema.enum.map((one) => JSON.stringify(one)).join(", ")}`;
  }
  if ("const" in schema && !isEqual(schema.const, value)) return `must be ${JSON.stringify(schema.const)}`;
  const fits = !schema.type || Array.isArray(schema.type) || TYPES[schema.type]?.test(value);
  return fits === false ? `must be ${typeWord(schema)}` : null;
}

const TYPES = {
  string: { word: "text", test: (value) => typeof value === "string" },
  integer: { word: "a whole number", test: (value) => typeof value === "number" && Number.isInteger(value) },
  number: { word: "a number", test: (value) => typeof value === "number" },
  boolean: { word: "true or false", test: (value) => typeof value === "boolean" },
  array: { word: "a list", test: Array.isArray },
  object: { word: "an object", test: isObject },
  null: { word: "null", test: (value) => value === null },
};

function typeWord(schema) {
  return TYPES[schema.type]?.word ?? "of another form";
}

function rangeProblem(value, { minimum, exclusiveMinimum, maximum, exclusiveMaximum, multipleOf }) {
  if (typeof value !== "number") return null;
  if (minimum !== undefined && value < minimum) return `must be at least ${minimum}`;
  if (exclusiveMinimum !== undefined && value <= exclusiveMinimum) return `must be greater than ${exclusiveMinimum}`;
  if (maximum !== undefined && value > maximum) return `must be at most ${maximum}`;
  if (exclusiveMaximum !== undefined && value >= exclusiveMaximum) return `must be less than ${exclusiveMaximum}`;
  return multipleOf && !isMultiple(value, multipleOf) ? `must be a multiple of ${multipleOf}` : null;
}

function isMultiple(value, of) {
  const ratio = value / of;
  return Math.abs(ratio - Math.round(ratio)) < 1e-9 * Math.max(1, Math.abs(ratio));
}

function lengthProblem(value, schema) {
  if (typeof value === "string") return textProblem(value, schema);
  if (!Array.isArray(value)) return null;
  if (value.length < (schema.minItems ?? 0)) return `must have at least ${schema.minItems} items`;
  if (value.length > (schema.maxItems ?? Infinity)) return `must have at most ${schema.maxItems} items`;
  return null;
}

function textProblem(value, { minLength = 0, maxLength = Infinity, pattern }) {
  // JSON Schema counts characters, and `length` the halves of those beyond the basic plane too.
  const length = [...value].length;
  if (length < minLength) return minLength === 1 ? "must not be empty" : `must have at least ${minLength} characters`;
  if (length > maxLength) return `must have at most ${maxLength} characters`;
  return pattern !== undefined && !matches(value, pattern) ? `must match ${pattern}` : null;
}

function matches(value, pattern) {
  try {
    return new RegExp(pattern, "u").test(value);
  } catch {
    return true; // a pattern in Python's dialect, which only the server can read
  }
}

function checkParts(value, schema, root, loc) {
  if (Array.isArray(value)) return checkItems(value, schema, root, loc);
  if (!isObject(value)) return [];
  const { properties = {}, required = [], additionalProperties = true } = schema;
  const missing = required.filter((name) => !(name in value)).map((name) => ({ loc: [...loc, name], msg: "is required" }));
  const parts = Object.entries(value).flatMap(([name, part]) => {
    const inner = Object.hasOwn(properties, name) ? properties[name] : additionalProperties;
    if (inner === false) return [{ loc: [...loc, name], msg: "is not known here" }];
    return inner === true ? [] : checkValue(part, inner, root, [...loc, name]);
  });
  return [...missing, ...parts];
}

function checkItems(value, { prefixItems = [], items }, root, loc) {
  return value.flatMap((item, n) => {
    const schema = prefixItems[n] ?? items;
    return isObject(schema) ? checkValue(item, schema, root, [...loc, n]) : [];
  });
}

// What the record of a run tells about its request. It keeps no inputs, no credentials and no long values.

import { isObject } from "./json_schema.js";

const LEFT_OUT = /^<redacted>$|^… \(left out\)$|… \(\d+ left out\)$|^<[A-Z]\w*>$/;

// Return `{request, missing}`: what the form can take from a record, and the places that the user must fill in again.
export function requestOfRecord({ request = {}, labels = {}, timeout_seconds = null }) {
  const { params, inputs = [], ...rest } = request;
  const hidden = [];
  const known = params ? withoutHidden(params, [], hidden) : {};
  return {
    request: { ...rest, params: known, labels, timeout_seconds },
    missing: { params: hidden.map((path) => path.join(".")), inputs: Array.isArray(inputs) ? inputs : [] },
  };
}

function withoutHidden(values, path, hidden) {
  const kept = Object.entries(values).filter(([name, value]) => {
    const isKept = name !== "…" && !isHidden(value);
    if (!isKept) hidden.push([...path, name]);
    return isKept;
  });
  return Object.fromEntries(kept.map(([name, value]) => [name, isObject(value) ? withoutHidden(value, [...path, name], hidden) : value]));
}

function isHidden(value) {
  if (Array.isArray(value)) return value.some(isHidden);
  return typeof value === "string" && LEFT_OUT.test(value);
}

// JSON whose long whole numbers stay exact: a browser's own numbers have 53 bits, and ids of rows often have 64.

const LONG_NUMBER = /\d{16}/;

// Return the value of a JSON text; whole numbers that are not exact as numbers are BigInts, where the browser can tell.
export function parseExactly(text) {
  return LONG_NUMBER.test(text) ? JSON.parse(text, exactNumber) : JSON.parse(text);
}

export function formatExactly(value, indent) {
  return JSON.stringify(value, (_, part) => (typeof part === "bigint" ? rawNumber(part) : part), indent);
}

function exactNumber(_, value, context) {
  const isInexact = typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value);
  return isInexact && /^-?\d+$/.test(context?.source ?? "") ? BigInt(context.source) : value;
}

function rawNumber(number) {
  return JSON.rawJSON ? JSON.rawJSON(String(number)) : String(number);
}

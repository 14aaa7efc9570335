// The filters of a list of runs: as the address holds them, and as the API takes them.

export const SPANS = [
  ["", "Any time"],
  ["1h", "Last hour"],
  ["24h", "Last 24 hours"],
  ["7d", "Last 7 days"],
];
const PAGE_RUNS = 50;
const UNIT_MS = { h: 3_600_000, d: 86_400_000 };

// Return the query of `GET /runs`; a span such as `24h` becomes the time at which it began.
export function apiQuery(query) {
  const since = query.get("since") ?? "";
  const pairs = [...query].filter(([name, value]) => value && ["status", "pipeline", "label", "cursor"].includes(name));
  if (since) pairs.push(["since", beginOf(since)]);
  return [...pairs, ["limit", PAGE_RUNS]];
}

// Return the query with other values of one filter, and at the first page.
export function withFilter(query, name, values) {
  const changed = new URLSearchParams(query);
  changed.delete("cursor");
  changed.delete(name);
  for (const value of values) if (value) changed.append(name, value);
  return changed;
}

function beginOf(since) {
  const found = /^(\d{1,4})([hd])$/.exec(since);
  return found ? new Date(Date.now() - found[1] * UNIT_MS[found[2]]).toISOString() : since;
}

// The pages: where each is in the address, and its module, whose default export is a component.
//
// The component gets `params` (the segments of the address that the pattern names) and `query` (URLSearchParams).

const PAGES = [
  { pattern: ["project"], section: "project", title: "Project", load: () => import("./project.js") },
  { pattern: ["project", ":pipeline"], section: "project", title: "Pipeline", load: () => import("./project.js") },
  { pattern: ["start"], section: "start", title: "Start a run", load: () => import("./start.js") },
  { pattern: ["start", ":pipeline"], section: "start", title: "Start a run", load: () => import("./start.js") },
  { pattern: ["runs"], section: "runs", title: "Runs", load: () => import("./runs.js") },
  { pattern: ["runs", ":runId"], section: "runs", title: "Run", load: () => import("./run.js") },
  { pattern: ["schedules"], section: "schedules", title: "Schedules", load: () => import("./schedules.js") },
  { pattern: ["compare"], section: "runs", title: "Compare runs", load: () => import("./compare.js") },
];
const MISSING = { section: "", title: "Not found", load: () => import("./missing.js") };

// Return the page for the segments of an address, and the values of its parameters.
export function findPage(segments) {
  const wanted = segments.length ? segments : ["project"];
  const page = PAGES.find(({ pattern }) => matches(pattern, wanted));
  return page ? { page, params: parameters(page.pattern, wanted) } : { page: MISSING, params: {} };
}

function matches(pattern, segments) {
  return pattern.length === segments.length && pattern.every((part, n) => part.startsWith(":") || part === segments[n]);
}

function parameters(pattern, segments) {
  const named = pattern.map((part, n) => [part, segments[n]]).filter(([part]) => part.startsWith(":"));
  return Object.fromEntries(named.map(([part, value]) => [part.slice(1), value]));
}

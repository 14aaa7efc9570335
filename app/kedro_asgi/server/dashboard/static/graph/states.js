// The states of nodes in a run, and that of several nodes as one.

const FOREMOST = ["failure", "running", "cancelled", "waiting", "success", "skipped"];

// Return the first state that any of the nodes has; undefined if none has one.
export function jointState(nodes, states) {
  const found = new Set(nodes.map((node) => states[node]).filter(Boolean));
  const isBetween = found.has("waiting") && found.has("success");
  if (isBetween && !found.has("failure") && !found.has("cancelled")) return "running";
  return FOREMOST.find((state) => found.has(state));
}

// Return the state of each node of a pipeline in a run, from the answer of `/runs/{id}/nodes`.
export function statesOfRun(nodes, run, isFinal) {
  const known = new Map(run.nodes.map(({ node, state }) => [node, state]));
  return Object.fromEntries(nodes.map(({ name }) => [name, known.get(name) ?? (isFinal ? "skipped" : "waiting")]));
}

// The request that repeats a run, as far as its record holds it.

const REDACTED = "<redacted>";

// Return `{body, obstacle}`: the body of `POST /runs`, and why it does not repeat the run, if so.
export function repetitionOf(run) {
  const { inputs = [], ...request } = run.request;
  const body = { ...request };
  if (Object.keys(run.labels).length) body.labels = run.labels;
  if (run.timeout_seconds !== null) body.timeout_seconds = run.timeout_seconds;
  return { body, obstacle: obstacleIn(inputs, request) };
}

// Return the request that goes on where a run failed, or null if its record does not tell from where.
export function resumptionOf(run) {
  const nodes = run.error?.resume_from ?? [];
  if (run.status !== "failure" || !nodes.length) return null;
  const { body, obstacle } = repetitionOf(run);
  return { body: { ...body, from_nodes: nodes }, obstacle, nodes };
}

function obstacleIn(inputs, request) {
  if (inputs.length) return `The run got its own data for ${inputs.join(", ")}, which the server does not keep.`;
  const text = JSON.stringify(request);
  if (text.includes(REDACTED)) return "The run got a credential, which the server does not keep.";
  if (text.includes("left out)")) return "The request was too long for the server to keep.";
  return null;
}

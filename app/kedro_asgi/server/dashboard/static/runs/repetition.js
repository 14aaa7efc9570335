// The request that repeats a run, as far as its record holds it.

import { requestOfRecord } from "../start/recorded_request.js";

// Return `{body, obstacle}`: the body of `POST /runs`, and why it does not repeat the run, if so.
export function repetitionOf(run) {
  const { request, missing } = requestOfRecord(run);
  const { params, labels, timeout_seconds: timeout, ...body } = request;
  if (Object.keys(params).length) body.params = params;
  if (Object.keys(labels).length) body.labels = labels;
  if (timeout !== null) body.timeout_seconds = timeout;
  return { body, obstacle: obstacleIn(missing) };
}

// Return the request that goes on where a run failed, or null if its record does not tell from where.
export function resumptionOf(run) {
  const nodes = run.error?.resume_from ?? [];
  if (run.status !== "failure" || !nodes.length) return null;
  const { body, obstacle } = repetitionOf(run);
  return { body: { ...body, from_nodes: nodes }, obstacle, nodes };
}

function obstacleIn({ inputs, params }) {
  if (inputs.length) return `The server does not keep the data that the run got for ${inputs.join(", ")}.`;
  if (params.length) return `The record of the run does not hold the parameters ${params.join(", ")}.`;
  return null;
}

// Requests to the HTTP API. The page is at `dashboard/`, so the API is one level above, behind any prefix.

import { noteServerTime } from "./clock.js";
import { reportTokenNeeded, tokenHeaders } from "./token.js";

const ROOT = new URL("../", document.baseURI);

// An answer that is an error, or no answer; `problems` lists what is wrong with which field of a request.
export class ApiError extends Error {
  constructor(message, { status = 0, title = "", type = "", problems = [] } = {}) {
    super(message);
    Object.assign(this, { name: "ApiError", status, title, type, problems });
  }
}

// Return the address of a route, whose segments are texts of any kind.
export function apiUrl(segments, query = []) {
  // A browser resolves these names as folders, percent-encoded too, so the request would go to another route.
  const dots = segments.find((name) => name === "." || name === "..");
  if (dots) throw new ApiError(`An address cannot hold the name '${dots}'.`, { title: "Not found" });
  const url = new URL(segments.map(encodeURIComponent).join("/"), ROOT);
  url.search = new URLSearchParams(query).toString();
  return url;
}

export function getResponse(segments, { query, signal, headers } = {}) {
  return request(apiUrl(segments, query), { signal, headers });
}

export async function getJson(segments, options) {
  return readJson(await getResponse(segments, options));
}

export function postResponse(segments, body = undefined, { query, headers = {}, signal } = {}) {
  const content = body === undefined ? {} : { body: JSON.stringify(body) };
  return request(apiUrl(segments, query), {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    signal,
    ...content,
  });
}

export async function postJson(segments, body, options) {
  return readJson(await postResponse(segments, body, options));
}

async function readJson(answer) {
  try {
    return await answer.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError("The answer broke off, or is not JSON. A proxy may have changed it.", { title: "No answer" });
  }
}

async function request(url, { headers = {}, ...options }) {
  let answer;
  try {
    answer = await fetch(url, { ...options, headers: { ...headers, ...tokenHeaders() } });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError("The server does not answer. It may be restarting.", { title: "No connection" });
  }
  noteServerTime(answer.headers.get("date"));
  if (answer.ok) return answer;
  const error = await errorOf(answer);
  if (answer.status === 401) reportTokenNeeded(error.message);
  throw error;
}

// Both forms of errors: `application/problem+json`, and Kedro's `detail`, which is a text or a list.
async function errorOf(answer) {
  const body = await answer.json().catch(() => ({}));
  const { detail, title = "", type = "", errors } = body ?? {};
  const listed = Array.isArray(detail) ? detail : (errors ?? []);
  const problems = listed.map(({ loc = [], msg = "" }) => ({ loc, msg }));
  const first = problems.map(({ loc, msg }) => `${loc.slice(1).join(".")}: ${msg}`).join("; ");
  const message = typeof detail === "string" ? detail : first || `The server answered ${answer.status}.`;
  return new ApiError(message, { status: answer.status, title, type, problems });
}

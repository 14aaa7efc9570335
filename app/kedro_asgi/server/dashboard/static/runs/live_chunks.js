// What generator nodes yield for the outputs of runs that this page has started, while the runs go on.
//
// The page reads a stream to its end, also when it shows something else: a run waits for a reader that does not read. A
// browser opens six connections to a host at most, so a page reads two streams; an older run goes on without its reader.

import { useEffect, useState } from "../html.js";
import { ApiError, postResponse } from "../api.js";
import { readEvents } from "../server_sent_events.js";
import { formatExactly, parseExactly } from "./exact_json.js";

// Often enough for the eye.
const DELIVERY_MS = 50;
const LONGEST_TEXT = 200_000;
const MOST_RUNS = 20;
const MOST_STREAMS = 2;

const runs = new Map();

// Start a run and return its id once it is accepted; its chunks are read on. Raises what `postJson` raises.
export async function startStreamed(segments, body, { headers }) {
  const controller = new AbortController();
  const open = [...runs.values()].filter((run) => !run.isOver);
  for (const run of open.slice(0, Math.max(0, open.length + 1 - MOST_STREAMS))) run.controller.abort();
  const answer = await postResponse(segments, body, {
    query: [["on_hang_up", "continue"]],
    headers: { ...headers, Accept: "text/event-stream" },
    signal: controller.signal,
  });
  return new Promise((accept, refuse) => readChunks(answer.body, controller, accept).catch(refuse));
}

// Return `{texts, problems, isOver, isComplete}` of a run, by output; `undefined` for a run whose chunks this page does not read.
export function useLiveChunks(runId) {
  const run = runs.get(runId);
  const [, setShown] = useState(0);
  useEffect(() => {
    if (!run) return undefined;
    const listener = () => setShown((count) => count + 1);
    run.listeners.add(listener);
    return () => run.listeners.delete(listener);
  }, [runId, run]);
  return run;
}

function newRun(runId, controller) {
  const run = { texts: {}, problems: {}, isOver: false, isComplete: false, listeners: new Set(), timer: 0, controller };
  runs.set(runId, run);
  // The oldest first.
  if (runs.size > MOST_RUNS) runs.delete(runs.keys().next().value);
  return run;
}

async function readChunks(body, controller, accept) {
  let run;
  try {
    for await (const { data } of readEvents(body)) {
      const event = parseExactly(data);
      if (event.event === "accepted") {
        run = newRun(event.run_id, controller);
        accept(event.run_id);
      } else receive(run, event);
    }
  } catch (error) {
    // A run that is accepted goes on, and its page follows its events.
    if (!run) throw error;
  }
  if (!run) throw new ApiError("The answer broke off before the run was accepted.", { title: "No answer" });
  run.isOver = true;
  deliver(run);
}

function receive(run, { event, output, value, problem }) {
  if (event === "answer") run.isComplete = true;
  if (event !== "chunk") return;
  if (problem) run.problems[output] = problem;
  else run.texts[output] = ((run.texts[output] ?? "") + textOf(value)).slice(-LONGEST_TEXT);
  // A timer, since a browser draws no frames of a window behind others.
  if (!run.timer) run.timer = setTimeout(() => deliver(run), DELIVERY_MS);
}

function textOf(value) {
  return typeof value === "string" ? value : `${formatExactly(value)}\n`;
}

function deliver(run) {
  clearTimeout(run.timer);
  run.timer = 0;
  for (const listener of run.listeners) listener();
}

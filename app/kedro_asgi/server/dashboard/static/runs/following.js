// A run as it goes on: its record, and the progress that its events tell.

import { useEffect, useReducer, useState } from "../html.js";
import { announce } from "../announcer.js";
import { getJson } from "../api.js";
import { followEvents } from "../event_stream.js";
import { useLoaded } from "../loading.js";
import { advance, noProgress } from "./progress.js";
import { isFinal, statusWord } from "../status.js";

const RECORD_CHANGES = ["RunStarted", "RunRetried", "RunEnded"];

// Return `{run, progress, state, error, reload}` of the run; `run` is its record.
export function useRun(runId) {
  const { value: run, error, reload } = useLoaded((signal) => getJson(["runs", runId], { signal }), [runId]);
  const [progress, dispatch] = useReducer(advance, noProgress());
  const [state, setState] = useState("connecting");
  const exists = run !== undefined;
  useEffect(() => {
    if (!exists) return undefined;
    const isOld = isFinal(run);
    return followEvents(["runs", runId, "events"], {
      onEvents: (events) => {
        dispatch(events);
        if (isOld || !events.some(({ event }) => RECORD_CHANGES.includes(event))) return;
        reload();
        announceEnd(events);
      },
      onState: (changed) => {
        setState(changed);
        if (changed === "live" && !isOld) reload();
      },
      hasEnded: async () => {
        // A store in memory forgets its runs when the server restarts; the record then says so.
        reload();
        return isFinal(await getJson(["runs", runId]));
      },
    });
  }, [runId, exists]);
  return { run, progress, state, error, reload };
}

function announceEnd(events) {
  const end = events.find(({ event }) => event === "RunEnded");
  if (end) announce(`The run ended: ${statusWord(end.status)}.`);
}

// Tells that runs have started or ended, at most once a second.
//
// The stream ends at its first event and begins again a second later: a server that starts a thousand runs a second does
// not send every open tab all its events.

import { followEvents } from "../event_stream.js";

const KINDS = ["RunQueued", "RunStarted", "RunEnded"];
const PERIOD_MS = 1000;
// The server follows from a moment after it has answered, so what is loaded at once could miss an event.
const SETTLING_MS = 100;

// Call `onChange` when something may have changed, `onState` with the states of `followEvents`; return how to end it.
export function followChanges({ onChange, onState }) {
  let stop = () => undefined;
  let next = 0;
  let settling = 0;
  let began = 0;
  const listen = () => {
    began = Date.now();
    stop = followEvents(["events"], { kinds: KINDS, onEvents: pause, onState: report });
  };
  const pause = () => {
    stop();
    clearTimeout(next);
    next = setTimeout(listen, Math.max(0, began + PERIOD_MS - Date.now()));
  };
  const report = (state) => {
    onState(state);
    if (state !== "live") return;
    // A busy server sends an event within this time: that must not put off the change.
    clearTimeout(settling);
    settling = setTimeout(onChange, SETTLING_MS);
  };
  listen();
  return () => {
    stop();
    clearTimeout(next);
    clearTimeout(settling);
  };
}

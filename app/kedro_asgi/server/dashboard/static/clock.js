// The time as the server has it: durations of what runs are wrong by the difference to the browser's clock.

import { useEffect, useState } from "./html.js";

// The header has whole seconds, so a smaller difference is none.
const SMALLEST_MS = 2000;

const difference = { milliseconds: 0 };

// Note the `Date` header of an answer.
export function noteServerTime(header) {
  const milliseconds = Date.parse(header ?? "") - Date.now();
  if (!Number.isNaN(milliseconds)) difference.milliseconds = Math.abs(milliseconds) < SMALLEST_MS ? 0 : milliseconds;
}

export function serverNow() {
  return Date.now() + difference.milliseconds;
}

// The current time, which advances every `periodMs` while `isRunning`.
export function useNow(isRunning, periodMs = 1000) {
  const [now, setNow] = useState(serverNow);
  useEffect(() => {
    setNow(serverNow());
    if (!isRunning) return undefined;
    const timer = setInterval(() => setNow(serverNow()), periodMs);
    return () => clearInterval(timer);
  }, [isRunning, periodMs]);
  return now;
}

// Durations, times and sizes as people read them.

// Return `0.8 s`, `12 s`, `3 min 05 s` or `2 h 03 min`.
export function formatDuration(milliseconds) {
  if (milliseconds === null || milliseconds === undefined) return "–";
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${pad(Math.floor(seconds % 60))} s`;
  return `${Math.floor(minutes / 60)} h ${pad(minutes % 60)} min`;
}

// Return the time of today, or the day with the time.
export function formatTime(text) {
  if (!text) return "–";
  const moment = new Date(text);
  const isToday = moment.toDateString() === new Date().toDateString();
  const time = { hour: "2-digit", minute: "2-digit", second: "2-digit" };
  const day = { year: "numeric", month: "short", day: "numeric" };
  return moment.toLocaleString(undefined, isToday ? time : { ...day, ...time });
}

// Return the time with milliseconds, as log lines have it.
export function formatClock(text) {
  const moment = new Date(text);
  return `${[moment.getHours(), moment.getMinutes(), moment.getSeconds()].map(pad).join(":")}.${pad(moment.getMilliseconds(), 3)}`;
}

// Return the readable part of a run's id: date and time stay, the suffix gets short.
export function shortRunId(runId) {
  const [moment, suffix = ""] = splitLast(runId);
  return `${moment.slice(11, 19).replaceAll(".", ":")}·${suffix.slice(-4)}`;
}

function splitLast(text) {
  const place = text.lastIndexOf("-");
  return [text.slice(0, place), text.slice(place + 1)];
}

function pad(number, length = 2) {
  return String(number).padStart(length, "0");
}

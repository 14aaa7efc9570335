// Durations, times and sizes as people read them.

// Return `800 ms`, `1.2 s`, `12 s`, `3 min 05 s` or `2 h 03 min`.
export function formatDuration(milliseconds) {
  if (milliseconds === null || milliseconds === undefined) return "–";
  if (Math.round(milliseconds) < 1000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 9950) return `${(milliseconds / 1000).toFixed(1)} s`;
  const seconds = Math.round(milliseconds / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${pad(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${pad(minutes % 60)} min`;
}

// Return `1 run` or `2 runs` for the word `run`.
export function formatCount(count, word) {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
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
  const parts = [moment.getHours(), moment.getMinutes(), moment.getSeconds()].map((part) => pad(part));
  return `${parts.join(":")}.${pad(moment.getMilliseconds(), 3)}`;
}

// Return `532 bytes`, `12 kB` or `3.4 MB`.
export function formatBytes(bytes) {
  if (bytes < 1000) return `${bytes} bytes`;
  return bytes < 1_000_000 ? `${Math.round(bytes / 1000)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}

// Return the part of a run's id that tells it from its neighbours: day, time and milliseconds, as the id has them.
export function shortRunId(runId) {
  const place = runId.lastIndexOf("-");
  const sequence = parseInt(runId.slice(place + 1, place + 5), 16);
  return `${runId.slice(8, 23)}${sequence ? `+${sequence}` : ""}`;
}

function pad(number, length = 2) {
  return String(number).padStart(length, "0");
}

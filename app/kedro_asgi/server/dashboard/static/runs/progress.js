// What the events of a run tell of its nodes and its log.

const NO_PROGRESS = {
  nodes: new Map(), log: [], batches: [], planned: null, dropped: 0, lost: 0, last: 0, startedAt: null, endedAt: null,
};
const MOST_LINES = 5000;
const NODE_ENDS = { NodeFinished: "success", NodeFailed: "failure", NodeCancelled: "cancelled" };

export function noProgress() {
  return NO_PROGRESS;
}

// Return the progress after more events; those that are known already change nothing.
export function advance(progress, events) {
  const next = { ...progress, nodes: new Map(progress.nodes), log: [...progress.log] };
  for (const event of events) {
    if (event.sequence !== undefined && event.sequence <= next.last) continue;
    next.last = event.sequence ?? next.last;
    apply(next, event);
  }
  const excess = Math.max(0, next.log.length - MOST_LINES);
  next.log.splice(0, excess);
  next.dropped += excess;
  return next;
}

function apply(next, event) {
  switch (event.event) {
    case "RunStarted":
      next.startedAt = Date.parse(event.at);
      // A further attempt of the run begins with its first node.
      if (event.attempt) next.nodes = new Map();
      break;
    case "RunBatched":
      next.batches = [...next.batches, { id: event.batch_id, runs: event.runs, rows: event.rows }];
      break;
    case "RunPlanned":
      next.planned = event.nodes;
      break;
    case "NodeStarted": {
      const failed = next.nodes.get(event.node)?.failedAttempts ?? [];
      next.nodes.set(event.node, { name: event.node, status: "running", startedAt: Date.parse(event.at), saved: [], failedAttempts: failed });
      break;
    }
    case "NodeRetried":
      change(next, event.node, (node) => ({ status: "waiting", isBetween: true, failedAttempts: [...node.failedAttempts, attemptOf(node, event)] }));
      break;
    case "DatasetSaved":
      change(next, event.node, (node) => ({ saved: [...node.saved, event.dataset] }));
      break;
    case "LogLine":
      next.log.push(event);
      break;
    case "RunEnded":
      next.endedAt = Date.parse(event.at);
      stopRunning(next, event.status);
      break;
    case "EventsLost":
      next.lost += event.count;
      break;
    default:
      endNode(next, event);
  }
}

function endNode(next, event) {
  const status = NODE_ENDS[event.event];
  if (status) change(next, event.node, () => ({ status, durationMs: event.duration_ms, endedAt: Date.parse(event.at) }));
}

function attemptOf(node, event) {
  const { type, message } = event.error;
  return { startedAt: node.startedAt, durationMs: event.duration_ms, error: `${type}: ${message}`, delayMs: event.delay_seconds * 1000 };
}

// A node that runs when its run ends, as after a crash of the server, has no end of its own.
function stopRunning(next, status) {
  const changes = { status: status === "success" ? "success" : "cancelled", endedAt: next.endedAt };
  for (const node of next.nodes.values()) {
    if (node.status === "running" || node.status === "waiting") next.nodes.set(node.name, { ...node, ...changes });
  }
}

function change(next, name, changes) {
  const node = next.nodes.get(name);
  if (node) next.nodes.set(name, { ...node, ...changes(node) });
}

function firstStart({ startedAt, failedAttempts }) {
  return failedAttempts[0]?.startedAt ?? startedAt;
}

// Return the nodes in the order of their starts, then those of the pipeline that have not started.
export function listNodes(progress, pipelineNodes, isOver) {
  const started = [...progress.nodes.values()].sort((a, b) => firstStart(a) - firstStart(b));
  const status = isOver ? "skipped" : "waiting";
  const others = pipelineNodes.filter(({ name }) => !progress.nodes.has(name)).map(({ name }) => ({ name, status, saved: [] }));
  return [...started, ...others];
}

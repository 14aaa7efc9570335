// Follows server-sent events: resumes after a lost connection and a restarted server, and rests in a hidden tab.
//
// A browser opens six connections to a host at most, so tabs in the background must not keep one each.

import { getResponse } from "./api.js";
import { readEvents } from "./server_sent_events.js";

const KINDS = [
  "RunQueued", "RunStarted", "RunRetried", "RunBatched", "RunPlanned", "NodeStarted", "NodeFinished", "NodeRetried",
  "NodeFailed", "NodeCancelled", "DatasetSaved", "LogLine", "RunEnded", "EventsLost",
];
// Often enough for the eye; a page of a thousand log lines takes some milliseconds to update.
const DELIVERY_MS = 50;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 8000;

// Follow the events at `segments`, and return a function that ends this.
//
// `onEvents` gets lists of events, twenty a second at most. `onState` gets `live`, `lost`, or `ended` after the last
// event of a run. A stream that the server refuses has ended if `hasEnded()` resolves to true.
export function followEvents(segments, { kinds = KINDS, onEvents, onState, hasEnded = async () => false }) {
  const stream = new EventStream(segments, { kinds, onEvents, onState, hasEnded });
  stream.start();
  return () => stream.close();
}

class EventStream {
  constructor(segments, { kinds, onEvents, onState, hasEnded }) {
    Object.assign(this, { segments, kinds, onEvents, onState, hasEnded });
    Object.assign(this, { after: "", controller: null, isOver: false, waiting: [], frame: 0, timer: 0, pause: FIRST_PAUSE_MS });
    this.onVisibility = () => (document.hidden ? this.disconnect() : this.connect());
    this.onOnline = () => this.reconnect();
  }

  start() {
    document.addEventListener("visibilitychange", this.onVisibility);
    window.addEventListener("online", this.onOnline);
    if (!document.hidden) this.connect();
  }

  close() {
    this.isOver = true;
    this.disconnect();
    clearTimeout(this.frame);
    document.removeEventListener("visibilitychange", this.onVisibility);
    window.removeEventListener("online", this.onOnline);
  }

  connect() {
    if (this.controller !== null || this.isOver) return;
    this.controller = new AbortController();
    this.read(this.controller);
  }

  async read(controller) {
    const isRefused = await this.receiveAll(controller.signal).catch(({ status }) => status > 0);
    // Another connection may have begun, or none is wanted any more.
    if (controller === this.controller) await this.onEnd(isRefused);
  }

  // Return whether the server has nothing to send, which it says by 204.
  async receiveAll(signal) {
    const headers = { Accept: "text/event-stream" };
    const answer = await getResponse(this.segments, { query: this.query(), signal, headers });
    if (answer.status === 204) return true;
    this.pause = FIRST_PAUSE_MS;
    this.onState("live");
    for await (const message of readEvents(answer.body)) {
      if (signal.aborted) return false;
      if (this.kinds.includes(message.event)) this.receive(message);
    }
    return false;
  }

  // A busy server sends a list of runs only what it shows.
  query() {
    const wanted = this.kinds === KINDS || this.segments.length > 1 ? [] : this.kinds.map((kind) => ["event", kind]);
    return this.after ? [...wanted, ["after", this.after]] : wanted;
  }

  disconnect() {
    clearTimeout(this.timer);
    this.controller?.abort();
    this.controller = null;
  }

  reconnect() {
    this.disconnect();
    if (!document.hidden) this.connect();
  }

  receive(message) {
    this.after = message.id || this.after;
    const event = JSON.parse(message.data);
    this.waiting.push(event);
    // A timer, since a browser draws no frames of a window behind others.
    if (!this.frame) this.frame = setTimeout(() => this.deliver(), DELIVERY_MS);
    if (event.event === "RunEnded" && this.segments.length > 1) this.end();
  }

  deliver() {
    this.frame = 0;
    const events = this.waiting;
    this.waiting = [];
    if (events.length) this.onEvents(events);
  }

  end() {
    this.isOver = true;
    this.disconnect();
    clearTimeout(this.frame);
    this.deliver();
    this.onState("ended");
  }

  // A stream that breaks off goes on where it was; one that the server refuses may be of a run that has ended.
  async onEnd(isRefused) {
    this.disconnect();
    const isOver = isRefused && (await this.hasEnded().catch(() => false));
    if (this.isOver) return;
    if (isOver) {
      this.end();
      return;
    }
    this.onState("lost");
    this.timer = setTimeout(() => document.hidden || this.connect(), this.pause);
    this.pause = Math.min(this.pause * 2, LONGEST_PAUSE_MS);
  }
}

// The log of a run: searched, filtered by level, and at its end while lines arrive.

import { Component, html, useEffect, useMemo, useRef, useState } from "../html.js";
import { formatClock, formatCount } from "../formatting.js";

const BATCHED = "Lines of a batch are in the server's log only: they may tell of the rows of other runs.";
const LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"];
// How far from its end, in pixels, a log still counts as being read at its end.
const NEAR_END = 24;

export function RunLog({ lines, dropped, lost, isBatched, node, onNode }) {
  const [level, setLevel] = useState("DEBUG");
  const [text, setText] = useState("");
  const shown = useMemo(() => lines.filter((line) => isShown(line, { level, text, node })), [lines, level, text, node]);
  const total = formatCount(lines.length, "line");
  const counts = shown.length === lines.length ? total : `${shown.length} of ${total}`;
  return html`<div class="run-log">
    <div class="log-filters">
      <div class="field">
        <label for="log-search">Search</label>
        <input id="log-search" type="search" value=${text} onInput=${(event) => setText(event.target.value)} />
      </div>
      <${LevelFilter} chosen=${level} onChange=${setLevel} />
      ${node && html`<${ChosenNode} name=${node} onRemove=${() => onNode(null)} />`}
      <p class="muted" role="status">${counts}</p>
    </div>
    ${dropped > 0 && html`<p class="notice">The page keeps the last ${lines.length} lines: ${dropped} before them are not shown.</p>`}
    ${lost > 0 && html`<p class="notice warning">This page was too slow, and has missed ${formatCount(lost, "event")}.</p>`}
    ${isBatched && html`<p class="notice">${BATCHED}</p>`}
    ${shown.length > 0 && html`<${Lines} lines=${shown} />`}
    ${!shown.length && html`<p class="muted">${lines.length ? "No line matches." : "The run has logged nothing."}</p>`}
  </div>`;
}

function LevelFilter({ chosen, onChange }) {
  const word = (name) => (name === LEVELS[0] ? "All" : `${name} and above`);
  return html`<div class="field">
    <label for="log-level">Level</label>
    <select id="log-level" onChange=${(event) => onChange(event.target.value)}>
      ${LEVELS.map((name) => html`<option key=${name} value=${name} selected=${name === chosen}>${word(name)}</option>`)}
    </select>
  </div>`;
}

function ChosenNode({ name, onRemove }) {
  return html`<button type="button" class="chip removable" onClick=${onRemove}>
    Node ${name}<span aria-hidden="true"> ×</span><span class="visually-hidden"> show all nodes</span>
  </button>`;
}

function isShown(line, { level, text, node }) {
  const rank = LEVELS.indexOf(line.level);
  const wanted = text.toLowerCase();
  return (
    (rank < 0 || rank >= LEVELS.indexOf(level)) &&
    (!node || line.node === node) &&
    (!wanted || line.message.toLowerCase().includes(wanted) || line.logger.toLowerCase().includes(wanted))
  );
}

function Lines({ lines }) {
  const box = useRef(null);
  const place = useRef({ isAtEnd: true, top: 0 });
  useEffect(() => {
    if (place.current.isAtEnd) box.current.scrollTop = box.current.scrollHeight;
  }, [lines]);
  // More lines may have come by the time that this learns of the page's own scrolling, so only a way up leaves the end.
  const onScroll = ({ target }) => {
    const isNearEnd = target.scrollHeight - target.scrollTop - target.clientHeight < NEAR_END;
    const isUp = target.scrollTop < place.current.top;
    place.current = { isAtEnd: isNearEnd || (place.current.isAtEnd && !isUp), top: target.scrollTop };
  };
  return html`<div class="log-lines" role="log" aria-live="off" aria-label="Log lines" tabindex="0" ref=${box} onScroll=${onScroll}>
    ${lines.map((line) => html`<${Line} key=${line.sequence} line=${line} />`)}
  </div>`;
}

// A line never changes, so that new ones cost nothing for the thousand before them.
class Line extends Component {
  shouldComponentUpdate({ line }) {
    return line !== this.props.line;
  }

  render({ line }) {
    return html`<div class="log-line" data-level=${line.level}>
      <time datetime=${line.at}>${formatClock(line.at)}</time>
      <span class="level">${line.level}</span>
      <span class="message"><span class="muted" title=${line.node && `node ${line.node}`}>${line.logger}</span> ${line.message}</span>
    </div>`;
  }
}

// The time line of a run: one row a node, with a bar from its start to its end.

import { html } from "../html.js";
import { formatDuration } from "../formatting.js";
import { statusWord } from "../status.js";

const MOST_TICKS = 6;
const SHORTEST_SPAN_MS = 10;

// `nodes` come from `listNodes`; `start` and `end` are the times, in milliseconds, at the ends of the axis.
export function Timeline({ nodes, start, end, chosen, onChoose }) {
  const span = Math.max(end - start, SHORTEST_SPAN_MS);
  return html`<div class="timeline">
    <div class="axis" aria-hidden="true">
      ${ticks(span).map((tick) => html`<span key=${tick} style=${{ left: percent(tick / span) }}>${formatDuration(tick)}</span>`)}
    </div>
    <ol aria-label="Nodes by their start">
      ${nodes.map(
        (node) => html`<${Row} key=${node.name} node=${node} start=${start} span=${span} end=${end}
          isChosen=${node.name === chosen} onChoose=${onChoose} />`,
      )}
    </ol>
  </div>`;
}

function Row({ node, start, span, end, isChosen, onChoose }) {
  const duration = durationOf(node, end);
  const place = (from, length) => ({ left: percent(Math.max(0, from - start) / span), width: percent(Math.max(length / span, 0)) });
  const failed = node.failedAttempts ?? [];
  // The last attempt of a node between two attempts is among those that failed.
  const isUnderWay = node.startedAt !== undefined && !node.isBetween;
  return html`<li data-node=${node.name} data-status=${node.status}>
    <button type="button" class="node-name" aria-pressed=${isChosen} title=${node.name}
      onClick=${() => onChoose(isChosen ? null : node.name)}>${node.name}</button>
    <span class="track" aria-hidden="true">
      ${failed.map((attempt) => html`<span key=${attempt.startedAt} class="bar failed-attempt" title=${attempt.error} style=${place(attempt.startedAt, attempt.durationMs)}></span>`)}
      ${isUnderWay && html`<span class="bar" style=${place(node.startedAt, duration)}></span>`}
    </span>
    <span class="time number"><${Time} status=${node.status} duration=${duration} attempts=${failed.length + isUnderWay} /></span>
  </li>`;
}

function durationOf(node, end) {
  if (node.startedAt === undefined) return null;
  return node.durationMs ?? Math.max(0, (node.endedAt ?? end) - node.startedAt);
}

// A bar's colour tells the status to the eye, a word to a screen reader.
function Time({ status, duration, attempts }) {
  if (duration === null) return statusWord(status);
  const again = attempts > 1 ? `, attempt ${attempts}` : "";
  return html`<span class="visually-hidden">${statusWord(status)}${again}, </span>${formatDuration(duration)}`;
}

// Return round numbers from 0 to `span`, a few of them.
function ticks(span) {
  const rough = span / MOST_TICKS;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough);
  return Array.from({ length: Math.floor(span / step) + 1 }, (_, n) => n * step).filter((tick) => tick / span < 0.97);
}

function percent(share) {
  return `${(Math.min(share, 1) * 100).toFixed(3)}%`;
}

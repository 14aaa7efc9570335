// The text of outputs that generator nodes make, as it arrives.

import { html, useEffect, useRef } from "../html.js";

// How far from its end, in pixels, a text still counts as being read at its end.
const NEAR_END = 24;

// `live` is what `useLiveChunks` returns.
export function LiveOutputs({ live }) {
  const names = Object.keys(live.texts);
  const problems = Object.entries(live.problems);
  return html`${names.map((name) => html`<${LiveText} key=${name} name=${name} text=${live.texts[name]} live=${live} />`)}
    ${problems.map(([name, problem]) => html`<div key=${name} class="notice warning"><strong>${name}</strong><p>${problem}</p></div>`)}`;
}

function LiveText({ name, text, live }) {
  const element = useRef(null);
  const isAtEnd = useRef(true);
  useEffect(() => {
    if (isAtEnd.current) element.current.scrollTop = element.current.scrollHeight;
  }, [text]);
  const onScroll = ({ target }) => {
    isAtEnd.current = target.scrollHeight - target.scrollTop - target.clientHeight < NEAR_END;
  };
  return html`<section class="live-output" aria-label=${`Live text of ${name}`} aria-busy=${!live.isOver}>
    <h2>${name}</h2>
    <p class="muted">${stateOf(live)}</p>
    <pre class="value-text" tabindex="0" ref=${element} onScroll=${onScroll}>${text}</pre>
  </section>`;
}

function stateOf({ isOver, isComplete }) {
  if (!isOver) return "As it arrives";
  return isComplete ? "All that was streamed" : "The page has not read the rest";
}

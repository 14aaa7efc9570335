// Why a run failed: the error, the user's frames, and its causes.

import { html } from "../html.js";

const LONG_MESSAGE = 500;

export function RunError({ error, onNode }) {
  return html`<section class="card run-error" aria-labelledby="error-title">
    <header>
      <h2 id="error-title"><span class="error-type">${error.type}</span></h2>
      ${error.node &&
      html`<span>in node <button type="button" class="quiet inline" onClick=${() => onNode(error.node)}>${error.node}</button></span>`}
    </header>
    <div class="body">
      <${Message} text=${error.message} />
      <${Frames} error=${error} />
      ${error.causes?.map((cause, n) => html`<${Cause} key=${n} cause=${cause} />`)}
    </div>
  </section>`;
}

// A long message scrolls in its box, which keys must reach.
function Message({ text }) {
  return html`<pre class="error-message" tabindex=${text.length > LONG_MESSAGE ? 0 : undefined}>${text}</pre>`;
}

function Cause({ cause }) {
  return html`<div class="cause">
    <p>Because of <span class="error-type">${cause.type}</span></p>
    <${Message} text=${cause.message} />
    <${Frames} error=${cause} />
  </div>`;
}

// All frames where the record has them, else the place of the error.
function Frames({ error }) {
  const frames = error.frames ?? (error.file ? [{ file: error.file, line: error.line }] : []);
  if (!frames.length) return null;
  return html`<ol class="frames" aria-label="Frames, the innermost last">
    ${frames.map(
      (frame, n) => html`<li key=${n}>
        <code class="place">${frame.file}:${frame.line}</code>${frame.function && html` in <code>${frame.function}</code>`}
        ${frame.code && html`<pre>${frame.code}</pre>`}
      </li>`,
    )}
  </ol>`;
}

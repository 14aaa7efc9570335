// The request of a form as commands and a program, with a button that copies one.

import { html, useEffect, useState } from "../html.js";
import { announce } from "../announcer.js";
import { apiUrl } from "../api.js";
import { Tabs } from "../tabs.js";
import { hasToken } from "../token.js";
import { curlCommand, kedroAsgiCommand, pythonProgram } from "./equivalents.js";

const COPIED_MS = 1500;
const MOST_CHARACTERS = 20_000;

// `isIncomplete` says that fields with problems are not in `body`.
export function EquivalentsPanel({ pipelines, body, isIncomplete }) {
  const [chosen, choose] = useState("curl");
  const request = { pipeline_names: pipelines, ...body };
  const tabs = [
    { id: "curl", title: "curl", view: () => html`<${CodeBlock} text=${curlCommand(apiUrl(["runs"]), request, { needsToken: hasToken() })} />` },
    { id: "python", title: "Python", view: () => html`<${CodeBlock} text=${pythonProgram(apiUrl([]), request, { needsToken: hasToken() })} />` },
    { id: "command", title: "Command line", view: () => html`<${Command} request=${request} />` },
  ];
  return html`<section class="card equivalents" aria-label="The same run elsewhere">
    <header><h2>The same run</h2></header>
    <${Tabs} label="Form of the request" tabs=${tabs} chosen=${chosen} onChoose=${choose} />
    ${isIncomplete && html`<p class="field-hint body">Fields that need a correction are left out.</p>`}
  </section>`;
}

function Command({ request }) {
  return html`<${CodeBlock} text=${kedroAsgiCommand(request)} />
    <p class="field-hint">In the project's folder. Labels, time limits and kept outputs belong to a server.</p>`;
}

// A long text is copied whole, but not shown: it would slow down every key press in the form.
function CodeBlock({ text }) {
  const isLong = text.length > MOST_CHARACTERS;
  return html`<div class="code-block"><${CopyButton} text=${text} />
    <pre tabindex="0"><code>${isLong ? `${text.slice(0, MOST_CHARACTERS)}…` : text}</code></pre>
    ${isLong && html`<p class="field-hint">The button copies all ${text.length} characters; only the first ${MOST_CHARACTERS} are shown.</p>`}
  </div>`;
}

function CopyButton({ text }) {
  const [copied, setCopied] = useState(null);
  useEffect(() => {
    const timer = setTimeout(() => setCopied(null), COPIED_MS);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = async () => {
    await copyText(text);
    setCopied(text);
    announce("Copied");
  };
  return html`<button type="button" class="copy" onClick=${copy}>${copied === text ? "Copied" : "Copy"}</button>`;
}

// The clipboard is closed to pages of plain HTTP, and where a user denies it; there, the browser copies what is selected.
async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const field = Object.assign(document.createElement("textarea"), { value: text });
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
}

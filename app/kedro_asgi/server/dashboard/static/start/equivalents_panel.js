// The request of a form as commands and a program, with a button that copies one.

import { html, useEffect, useState } from "../html.js";
import { announce } from "../announcer.js";
import { apiUrl } from "../api.js";
import { curlCommand, kedroAsgiCommand, pythonProgram } from "./equivalents.js";

const TABS = ["curl", "Python", "Command line"];
const COPIED_MS = 1500;

// `isIncomplete` says that fields with problems are not in `body`.
export function EquivalentsPanel({ pipelines, body, isIncomplete }) {
  const [tab, setTab] = useState(TABS[0]);
  const text = textOf(tab, { pipelines, body });
  return html`<section class="card equivalents" aria-label="The same run elsewhere">
    <header><h2>The same run</h2></header>
    <div class="body">
      <div role="tablist" aria-label="Form" class="segmented" onKeyDown=${(event) => moveTab(event, tab, setTab)}>
        ${TABS.map((name) => html`<button type="button" role="tab" id=${tabId(name)} aria-selected=${name === tab}
          aria-controls="equivalent" tabindex=${name === tab ? 0 : -1} onClick=${() => setTab(name)}>${name}</button>`)}
      </div>
      <div role="tabpanel" id="equivalent" aria-labelledby=${tabId(tab)} class="code-block">
        <${CopyButton} text=${text} />
        <pre tabindex="0"><code>${text}</code></pre>
      </div>
      ${isIncomplete && html`<p class="field-hint">Fields that need a correction are left out.</p>`}
      ${tab === "Command line" && html`<p class="field-hint">In the project's folder. Labels, time limits and kept outputs belong to a server.</p>`}
    </div>
  </section>`;
}

function textOf(tab, { pipelines, body }) {
  const request = { pipeline_names: pipelines, ...body };
  if (tab === "Python") return pythonProgram(apiUrl([]), request);
  return tab === "curl" ? curlCommand(apiUrl(["runs"]), request) : kedroAsgiCommand(request);
}

function tabId(name) {
  return `tab-${name.replace(" ", "-")}`;
}

function moveTab(event, tab, setTab) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (step === undefined) return;
  const next = TABS[(TABS.indexOf(tab) + step + TABS.length) % TABS.length];
  setTab(next);
  document.getElementById(tabId(next)).focus();
}

function CopyButton({ text }) {
  const [isCopied, setIsCopied] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setIsCopied(false), COPIED_MS);
    return () => clearTimeout(timer);
  }, [isCopied]);
  const copy = async () => {
    await copyText(text);
    setIsCopied(true);
    announce("Copied");
  };
  return html`<button type="button" class="copy" onClick=${copy}>${isCopied ? "Copied" : "Copy"}</button>`;
}

// The clipboard is closed to pages of plain HTTP; there, the browser copies what is selected.
async function copyText(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const field = Object.assign(document.createElement("textarea"), { value: text });
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
}

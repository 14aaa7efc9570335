// Whether a page shows what happens now.

import { html } from "./html.js";

const WORDS = { connecting: "Connecting…", live: "Live", lost: "Connection lost, trying again…" };

export function ConnectionState({ state }) {
  if (!WORDS[state]) return null;
  return html`<span class="connection" data-state=${state} role="status">${WORDS[state]}</span>`;
}

// What a page shows while it has nothing else: that it loads, that something failed, or that there is nothing.

import { html, useEffect, useState } from "./html.js";

const PATIENCE_MS = 250;

// A line that appears only if loading takes a while, so that quick pages do not flicker.
export function Loading({ label = "Loading…" }) {
  const [isVisible, setIsVisible] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setIsVisible(true), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, []);
  return html`<p class="muted loading" role="status">${isVisible ? label : ""}</p>`;
}

export function ErrorNotice({ error, onRetry }) {
  return html`<div class="notice error" role="alert">
    <strong>${error.title || "That did not work"}</strong>
    <p>${error.message}</p>
    ${error.problems?.length > 1 &&
    html`<ul>${error.problems.map(({ loc, msg }) => html`<li><code>${loc.slice(1).join(".")}</code> ${msg}</li>`)}</ul>`}
    ${onRetry && html`<button type="button" onClick=${onRetry}>Try again</button>`}
  </div>`;
}

export function Empty({ title, children }) {
  return html`<div class="empty"><p class="empty-title">${title}</p>${children}</div>`;
}

// The page for an address that no page has.

import { html } from "./html.js";

export default function Missing() {
  return html`<h1>There is no such page</h1>
    <p>The address names no page. Go to the <a href="#/project">project</a> or to the <a href="#/runs">runs</a>.</p>`;
}

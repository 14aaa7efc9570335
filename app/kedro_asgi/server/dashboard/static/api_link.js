// A link to an answer of the API. A browser that follows a link shows the server no token, so with one a script fetches.

import { html, useState } from "./html.js";
import { apiUrl, getResponse } from "./api.js";
import { hasToken } from "./token.js";

// `name` is the name of the file; with a token, the answer is always saved as a file.
export function ApiLink({ segments, query = [], name, children, ...attributes }) {
  const [problem, setProblem] = useState("");
  const fetchFile = (event) => {
    if (!hasToken()) return;
    event.preventDefault();
    saveFile(segments, query, name).catch((error) => setProblem(error.message));
  };
  return html`<a href=${apiUrl(segments, query)} onClick=${fetchFile} ...${attributes}>${children}</a>
    ${problem && html`<span class="field-error" role="alert">${problem}</span>`}`;
}

async function saveFile(segments, query, name) {
  const answer = await getResponse(segments, { query });
  const address = URL.createObjectURL(await answer.blob());
  const link = Object.assign(document.createElement("a"), { href: address, download: name });
  link.click();
  // The browser reads it a moment later.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

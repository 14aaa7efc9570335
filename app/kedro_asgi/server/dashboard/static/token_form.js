// Asks for a token in place of the page that the server did not answer without one.

import { html, useState } from "./html.js";
import { keepToken } from "./token.js";

const FORM = /^[A-Za-z0-9._~+/-]+=*$/;

// `reason` says why the former token is none.
export function TokenForm({ reason }) {
  const [problem, setProblem] = useState(reason);
  const logIn = (event) => {
    event.preventDefault();
    const token = new FormData(event.target).get("token").trim();
    if (!FORM.test(token)) return setProblem("A token has letters, digits and a few signs, and no spaces.");
    keepToken(token);
    // All that the page knows came without the token.
    return location.reload();
  };
  return html`<section class="card token-form">
    <header><h1>Log in</h1></header>
    <form class="body stack" onSubmit=${logIn}>
      <p>This server asks for a token. Its operator makes one with <code>kedro-asgi token</code>.</p>
      ${problem && html`<p class="notice error" role="alert">${problem}</p>`}
      <div class="field">
        <label for="token">Token</label>
        <input id="token" name="token" type="password" autocomplete="off" spellcheck=${false} required />
      </div>
      <p class="muted">It stays in this tab until you close it or log out.</p>
      <div class="actions"><button type="submit" class="primary">Log in</button></div>
    </form>
  </section>`;
}

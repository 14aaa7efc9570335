// Starting a run: its request as JSON.

import { html, useState } from "./html.js";
import { postJson } from "./api.js";
import { ErrorNotice } from "./feedback.js";
import { href, navigate } from "./router.js";

export default function Start({ params }) {
  const [text, setText] = useState(() => JSON.stringify({ pipeline_names: [params.pipeline ?? "__default__"] }, null, 2));
  const [error, setError] = useState(null);
  const submit = async (event) => {
    event.preventDefault();
    try {
      const run = await postJson(["runs"], JSON.parse(text));
      navigate(href(["runs", run.run_id]));
    } catch (failure) {
      setError(failure);
    }
  };
  return html`<header class="page-head"><h1>Start a run</h1></header>
    <form class="stack" onSubmit=${submit}>
      ${error && html`<${ErrorNotice} error=${error} />`}
      <div class="field">
        <label for="request">Request of <code>POST /runs</code></label>
        <textarea id="request" rows="12" spellcheck="false" value=${text} onInput=${(event) => setText(event.target.value)}></textarea>
      </div>
      <div><button class="primary" type="submit">Start</button></div>
    </form>`;
}

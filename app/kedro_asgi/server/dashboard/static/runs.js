// The runs of the server, newest first: live, filtered by the address, and paged by cursor.

import { html, useEffect, useRef, useState } from "./html.js";
import { announce } from "./announcer.js";
import { getJson } from "./api.js";
import { useNow } from "./clock.js";
import { ConnectionState } from "./connection_state.js";
import { Empty, ErrorNotice, Loading } from "./feedback.js";
import { formatCount } from "./formatting.js";
import { useLoaded } from "./loading.js";
import { href, replaceAddress } from "./router.js";
import { followChanges } from "./runs/changes.js";
import { RunFilters } from "./runs/filters.js";
import { apiQuery } from "./runs/query.js";
import { RunTable } from "./runs/run_table.js";
import { isFinal, statusWord } from "./status.js";

const NO_RUNS = [];

export default function Runs({ query }) {
  const address = query.toString();
  const { value, error, isLoading, reload } = useLoaded((signal) => getJson(["runs"], { query: apiQuery(query), signal }), [address]);
  const state = useLiveUpdates(isLoading, reload);
  useAnnouncements(value?.runs ?? NO_RUNS);
  const [chosen, setChosen] = useState([]);
  const now = useNow(value?.runs.some((run) => !isFinal(run)) ?? false);
  const setQuery = (changed) => replaceAddress(href(["runs"], changed));
  return html`<header class="page-head">
      <h1>Runs</h1>
      <${ConnectionState} state=${state} />
      <div class="actions">
        <${CompareLink} chosen=${chosen} />
        <a class="button primary" href="#/start">Start a run</a>
      </div>
    </header>
    <div class="stack">
      <${RunFilters} query=${query} onChange=${setQuery} />
      ${error && html`<${ErrorNotice} error=${error} onRetry=${reload} />`}
      ${!value && isLoading && html`<${Loading} />`}
      ${value &&
      html`<section class="card" aria-label="List of runs" aria-busy=${isLoading}>
        ${value.runs.length
          ? html`<${RunTable} runs=${value.runs} now=${now} chosen=${chosen} onChoose=${setChosen} onChanged=${reload} />`
          : html`<${NoRuns} query=${query} />`}
        <${PageLinks} query=${query} cursor=${value.cursor} count=${value.runs.length} />
      </section>`}
    </div>`;
}

// Load the list again when runs change, and after a connection that was lost. A list on its way arrives first: a slow
// server would never deliver one if each change began anew.
function useLiveUpdates(isLoading, reload) {
  const [state, setState] = useState("connecting");
  const [isStale, setIsStale] = useState(false);
  useEffect(() => followChanges({ onChange: () => setIsStale(true), onState: setState }), []);
  useEffect(() => {
    if (!isStale || isLoading) return;
    setIsStale(false);
    reload();
  }, [isStale, isLoading]);
  return state;
}

// Tell a screen reader which runs have ended since the last list.
function useAnnouncements(runs) {
  const active = useRef([]);
  useEffect(() => {
    const ended = runs.filter((run) => isFinal(run) && active.current.includes(run.run_id));
    active.current = runs.filter((run) => !isFinal(run)).map((run) => run.run_id);
    if (ended.length === 1) announce(`A run ended: ${statusWord(ended[0].status)}.`);
    else if (ended.length) announce(`${ended.length} runs ended.`);
  }, [runs]);
}

function CompareLink({ chosen }) {
  if (chosen.length !== 2) {
    return html`<button type="button" disabled title="Choose two runs in the list">Compare</button>`;
  }
  return html`<a class="button" href=${href(["compare"], chosen.map((runId) => ["run", runId]))}>Compare the two</a>`;
}

function NoRuns({ query }) {
  if ([...query.keys()].length) {
    return html`<${Empty} title="No run matches these filters"><a href="#/runs">Show all runs</a></${Empty}>`;
  }
  return html`<${Empty} title="Nothing has run yet">
    <p>Runs appear here as soon as a client or this page starts one.</p>
    <a class="button primary" href="#/start">Start a run</a>
  </${Empty}>`;
}

function PageLinks({ query, cursor, count }) {
  const link = (changed) => {
    const next = new URLSearchParams(query);
    next.delete("cursor");
    if (changed) next.set("cursor", changed);
    return href(["runs"], next);
  };
  const hasNewer = query.has("cursor");
  if (!hasNewer && !cursor) return null;
  return html`<nav class="page-links" aria-label="Pages of runs">
    ${hasNewer && html`<a class="button" href=${link(null)}>Newest</a>`}
    <span class="muted">${formatCount(count, "run")} on this page</span>
    ${cursor && html`<a class="button" href=${link(cursor)}>Older</a>`}
  </nav>`;
}

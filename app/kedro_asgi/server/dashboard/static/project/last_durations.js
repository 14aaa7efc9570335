// How long a node took in the last runs of its pipeline.

import { html } from "../html.js";
import { getJson } from "../api.js";
import { formatDuration, formatTime } from "../formatting.js";
import { useLoaded } from "../loading.js";
import { href } from "../router.js";
import { StatusBadge } from "../status.js";

const RUNS = 5;

export function LastDurations({ pipeline, node }) {
  const { value, error } = useLoaded((signal) => loadRuns(pipeline, signal), [pipeline]);
  const found = (value ?? []).map((run) => ({ ...run, node: run.nodes.find((each) => each.node === node) }));
  const rows = found.filter((run) => run.node);
  if (error) return html`<p class="muted">The last runs cannot be read: ${error.message}</p>`;
  if (value && !rows.length) return html`<p class="muted">No recent run of this pipeline has started the node.</p>`;
  if (!value) return null;
  return html`<table>
    <caption class="visually-hidden">Last durations of ${node}</caption>
    <thead><tr><th scope="col">Run</th><th scope="col">State</th><th scope="col" class="number">Duration</th></tr></thead>
    <tbody>
      ${rows.map(
        ({ run_id: id, created_at: at, node: { state, duration_ms: duration } }) => html`<tr key=${id}>
          <td><a href=${href(["runs", id], { node })}>${formatTime(at)}</a></td>
          <td><${StatusBadge} status=${state} /></td>
          <td class="number">${formatDuration(duration)}</td>
        </tr>`,
      )}
    </tbody>
  </table>`;
}

async function loadRuns(pipeline, signal) {
  const { runs } = await getJson(["runs"], { query: { pipeline, limit: RUNS }, signal });
  const nodes = await Promise.all(runs.map(({ run_id: id }) => getJson(["runs", id, "nodes"], { signal })));
  return runs.map((run, n) => ({ ...run, nodes: nodes[n].nodes }));
}

// The outputs of two runs: which of them are equal, and the values of small ones.

import { html } from "../html.js";
import { ComparisonTable } from "./comparison_table.js";
import { formatExactly } from "./exact_json.js";
import { flatten } from "./flattening.js";
import { formatBytes, formatCount } from "../formatting.js";
import { useLoaded } from "../loading.js";
import { loadOutput } from "./output_loading.js";

const MOST_VALUES = 40;
const LONGEST_VALUE = 120;

export function CompareOutputs({ runs, onlyDifferent }) {
  const names = [...new Set(runs.flatMap(({ outputs }) => outputs))];
  const loadPair = (name, signal) => Promise.all(runs.map((run) => outputOf(run, name, signal)));
  const load = (signal) => Promise.all(names.map((name) => loadPair(name, signal)));
  const { value = [] } = useLoaded(load, runs.map(({ run_id: runId }) => runId));
  const rows = value.flatMap((pair, n) => outputRows(names[n], pair));
  return html`<${ComparisonTable} title="Outputs" runs=${runs} rows=${rows} onlyDifferent=${onlyDifferent}
    empty="The server keeps no outputs of these runs." />`;
}

async function outputOf(run, name, signal) {
  if (!run.outputs.includes(name)) return null;
  return loadOutput(["runs", run.run_id, "outputs", name], { isWhole: false, signal }).catch(() => null);
}

// One row for each value of an object such as metrics, else one row for the whole output.
function outputRows(name, pair) {
  const flat = pair.map((output) => (output?.content === undefined ? null : flatten({ [name]: output.content })));
  const isSmall = flat.every((pairs) => pairs === null || pairs.length <= MOST_VALUES);
  if (!isSmall || flat.every((pairs) => pairs === null)) {
    return [{ name, cells: pair.map(sizeOf), isDifferent: formatExactly(pair[0]) !== formatExactly(pair[1]) }];
  }
  const maps = flat.map((pairs) => new Map(pairs ?? []));
  return [...new Set(maps.flatMap((found) => [...found.keys()]))].map((path) => {
    const texts = maps.map((found) => (found.has(path) ? formatExactly(found.get(path)) : "–"));
    return { name: path, cells: texts.map(shorten), delta: deltaOf(maps, path), isDifferent: texts[0] !== texts[1] };
  });
}

function deltaOf(maps, path) {
  const [one, other] = maps.map((found) => found.get(path));
  if (typeof one !== "number" || typeof other !== "number" || one === other) return "";
  const delta = Number((other - one).toPrecision(4));
  return delta > 0 ? `+${delta}` : `−${-delta}`;
}

function sizeOf(output) {
  if (output === null) return "–";
  if (output.isTooLarge) return `${formatBytes(output.bytes)}, too large to compare`;
  return Array.isArray(output.content) ? `${formatCount(output.content.length, "row")}, ${formatBytes(output.bytes)}` : formatBytes(output.bytes);
}

function shorten(text) {
  return html`<code>${text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE)}…` : text}</code>`;
}

// The page that starts a run: a form made from the pipeline's parameters and inputs, and the same request elsewhere.

import { html, useMemo, useRef, useState } from "./html.js";
import { announce } from "./announcer.js";
import { postJson } from "./api.js";
import { EquivalentsPanel } from "./start/equivalents_panel.js";
import { ErrorNotice, Loading } from "./feedback.js";
import { focusField } from "./start/field.js";
import { newKey } from "./idempotency_key.js";
import { useLoaded } from "./loading.js";
import { href, navigate } from "./router.js";
import { startStreamed } from "./runs/live_chunks.js";
import { loadSchema, loadStart, parameterFields } from "./start/form_loading.js";
import { SLICES, emptyForm, formOf, requestOf } from "./start/form.js";
import { InputsSection, NodesSection, OptionsSection, ParametersSection } from "./start/sections.js";

export default function Start({ params, query }) {
  const from = query.get("from");
  const { value: loaded, error, reload } = useLoaded((signal) => loadStart({ pipeline: params.pipeline, from, signal }), [params.pipeline, from]);
  // The value of the former address stays while that of another one loads.
  const value = loaded?.from === from ? loaded : undefined;
  return html`<header class="page-head"><h1>Start a run</h1>
      ${value && html`<${PipelineChoice} names=${value.names} chosen=${value.chosen} />`}</header>
    ${error && html`<${ErrorNotice} error=${error} onRetry=${reload} />`}
    ${!error && !value && html`<${Loading} />`}
    ${value && html`<${StartForm} key=${`${value.chosen} ${query}`} ...${value} query=${query} />`}`;
}

function PipelineChoice({ names, chosen }) {
  const choices = names.includes(chosen) ? names : [chosen, ...names];
  return html`<div class="pipeline-choice">
    <label for="pipeline">Pipeline</label>
    <select id="pipeline" value=${chosen} onChange=${(event) => navigate(href(["start", event.target.value]))}>
      ${choices.map((name) => html`<option value=${name}>${name}</option>`)}
    </select>
  </div>`;
}

function StartForm({ names, chosen, description, schema: whole, recorded, query }) {
  const [form, setForm] = useState(() => firstForm(whole, recorded, query));
  const { schema, problem: sliceProblem } = useSchema(chosen, whole, form);
  const fields = useMemo(() => parameterFields(schema), [schema]);
  const { body, problems } = useMemo(() => requestOf(form, { schema, fields }), [form, schema, fields]);
  const [sent, setSent] = useState({ problems: [] });
  const [isChecked, setIsChecked] = useState(false);
  const pipelines = [chosen, ...form.names.pipeline_names];
  const visible = isChecked ? problems : problems.filter(({ msg }) => msg !== "is required");
  const found = [...visible, ...sent.problems];
  // A change answers what the server said about the same place.
  const change = (loc, part) => {
    setForm((former) => ({ ...former, ...part(former) }));
    setSent((former) => ({ problems: former.problems.filter((one) => !startsWith(one.loc, loc)) }));
  };
  const submit = useSubmit({ chosen, pipelines, body, schema, setSent });
  const send = (event) => {
    event.preventDefault();
    setIsChecked(true);
    if (!problems.length) return submit.send();
    announce(`${problems.length} ${problems.length === 1 ? "field needs" : "fields need"} a correction`);
    return focusField(problems[0].loc);
  };
  const shared = { form, change, problems: found, problemAt: (loc, how) => problemAt(found, loc, how), schema };
  return html`<form class="start-form" onSubmit=${send} novalidate>
    <div class="stack">
      <${RecordedNotice} recorded=${recorded} />
      <${InputsSection} ...${shared} />
      <${ParametersSection} ...${shared} fields=${fields} />
      <${NodesSection} ...${shared} description=${description} others=${names.filter((name) => name !== chosen)} problem=${sliceProblem} />
      <${OptionsSection} ...${shared} />
      ${sent.error && html`<${ErrorNotice} error=${sent.error} />`}
      ${isChecked && html`<${ProblemList} problems=${found} />`}
      <div class="submit-row">
        <button class="primary" type="submit" disabled=${submit.isSending}>${submit.isSending ? "Starting…" : "Start the run"}</button>
      </div>
    </div>
    <${EquivalentsPanel} pipelines=${pipelines} body=${body} isIncomplete=${visible.length > 0} />
  </form>`;
}

function firstForm(schema, recorded, query) {
  const slices = SLICES.map((name) => [name, query.getAll(name)]).filter(([, names]) => names.length);
  const request = { ...recorded?.request, pipeline_names: recorded?.others ?? [], ...Object.fromEntries(slices) };
  return recorded || slices.length ? formOf(request, { schema, fields: parameterFields(schema) }) : emptyForm(schema);
}

// A slice of the pipeline needs other inputs and parameters than the whole.
function useSchema(pipeline, whole, { names }) {
  const isWhole = SLICES.every((name) => !names[name].length);
  const load = (signal) => (isWhole ? Promise.resolve(whole) : loadSchema(pipeline, names, { signal }));
  const { value, error } = useLoaded(load, [JSON.stringify(SLICES.map((name) => names[name]))]);
  return { schema: isWhole ? whole : (value ?? whole), problem: error?.message };
}

// The same request keeps its key, so pressing again after a lost answer starts no second run.
function useSubmit({ chosen, pipelines, body, schema, setSent }) {
  const [isSending, setIsSending] = useState(false);
  const last = useRef({});
  const send = async () => {
    const text = JSON.stringify([pipelines, body]);
    if (last.current.text !== text) last.current = { text, key: newKey() };
    setIsSending(true);
    try {
      const isStreamed = pipelines.length === 1 && hasStreamedOutput(schema, body);
      const start = isStreamed ? postStreamed : post;
      const run = await start(chosen, pipelines, body, last.current.key);
      navigate(href(["runs", run.run_id], isStreamed ? { tab: "outputs" } : {}));
    } catch (error) {
      const problems = error.problems?.map(({ loc, msg }) => ({ loc: loc.slice(1), msg })) ?? [];
      setSent({ error: problems.length ? undefined : error, problems });
      setIsSending(false);
      if (problems.length) focusField(problems[0].loc);
    }
  };
  return { send, isSending };
}

function post(chosen, pipelines, body, key) {
  const headers = { "Idempotency-Key": key };
  if (pipelines.length > 1) return postJson(["runs"], { pipeline_names: pipelines, ...body }, { headers });
  return postJson(["pipelines", chosen, "run"], body, { headers: { ...headers, Prefer: "respond-async" } });
}

// With a key, the server stores the run and its outputs, as without a stream.
async function postStreamed(chosen, pipelines, body, key) {
  const runId = await startStreamed(["pipelines", chosen, "run"], body, { headers: { "Idempotency-Key": key } });
  return { run_id: runId };
}

// Whether a generator node makes one of the outputs, so that there is something to see before the end.
function hasStreamedOutput(schema, { outputs }) {
  const about = schema.properties?.outputs ?? {};
  const streamed = about["x-kedro"]?.streamed ?? [];
  return (outputs ?? about.default ?? []).some((name) => streamed.includes(name));
}

function startsWith(loc, start) {
  return start.every((name, n) => loc[n] === name);
}

function problemAt(problems, loc, { exactly = true } = {}) {
  const found = problems.filter((one) => startsWith(one.loc, loc) && (!exactly || one.loc.length === loc.length));
  return found.map(({ msg }) => msg).join("; ");
}

function ProblemList({ problems }) {
  if (!problems.length) return null;
  return html`<div class="notice error" role="alert">
    <strong>${problems.length === 1 ? "One field needs a correction" : `${problems.length} fields need a correction`}</strong>
    <ul>${problems.slice(0, 20).map(({ loc, msg }) => html`<li>
      <button type="button" class="link" onClick=${() => focusField(loc)}>${loc.join(".") || "request"}</button> ${msg}</li>`)}</ul>
  </div>`;
}

function RecordedNotice({ recorded }) {
  if (!recorded) return null;
  const { inputs, params } = recorded.missing;
  return html`<div class="notice">
    <p>The form has the request of a recorded run.${inputs.length > 0 && html` The record keeps no values of inputs: give ${names(inputs)} again.`}
      ${params.length > 0 && html` The record hides these parameters, and the form has the project's values: ${names(params)}.`}</p>
  </div>`;
}

function names(list) {
  return list.map((name, n) => html`${n > 0 && ", "}<code>${name}</code>`);
}

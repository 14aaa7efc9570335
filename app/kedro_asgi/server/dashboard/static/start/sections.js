// The sections of the start form. Each changes its part of the form by `change(loc, (form) => part)`.

import { html, useState } from "../html.js";
import { Field, controlProps } from "./field.js";
import { InputEditor } from "./input_editor.js";
import { emptyDraft } from "./input_drafts.js";
import { NamePicker } from "./name_picker.js";
import { PairRows } from "./pair_rows.js";
import { pathKey } from "./parameter_fields.js";
import { ParameterFields } from "./parameter_form.js";
import { knownNames } from "./form_loading.js";
import { SLICES } from "./form.js";

const RUNNERS = ["SequentialRunner", "ThreadRunner", "ParallelRunner", "DaskRunner"];
const SLICE_LABELS = {
  tags: "Tags",
  node_names: "Nodes",
  from_nodes: "From nodes",
  to_nodes: "To nodes",
  from_inputs: "From inputs",
  to_outputs: "To outputs",
  namespaces: "Namespaces",
};

function Section({ title, hint, isFolded = false, isOpen = false, children }) {
  const text = hint && html`<p class="muted">${hint}</p>`;
  const head = html`<h2>${title}</h2>`;
  const body = html`<div class="body">${text}${children}</div>`;
  if (!isFolded) return html`<section class="card"><header>${head}</header>${body}</section>`;
  return html`<details class="card" open=${isOpen}><summary>${head}</summary>${body}</details>`;
}

export function InputsSection({ form, change, problems, schema }) {
  const known = schema.properties?.inputs ?? {};
  const required = known.required ?? [];
  const added = Object.keys(form.inputs).filter((name) => !required.includes(name));
  const example = schema.examples?.[0]?.inputs ?? {};
  const schemaOf = (name) => known.properties?.[name] ?? {};
  const set = (name, draft) => change(["inputs", name], ({ inputs }) => ({ inputs: { ...inputs, [name]: draft } }));
  const remove = (name) => change(["inputs", name], ({ inputs: { [name]: _, ...rest } }) => ({ inputs: rest }));
  const names = [...required, ...added];
  const others = Object.keys(known.properties ?? {}).filter((name) => !names.includes(name));
  return html`<${Section} title="Inputs" hint=${required.length ? "" : "The catalog has all data that these nodes load."}>
    ${names.map((name) => html`<${InputEditor} key=${name} name=${name} schema=${schemaOf(name)} root=${schema}
      draft=${form.inputs[name]} isRequired=${required.includes(name)} example=${example[name]}
      problems=${problems.filter(({ loc }) => loc[0] === "inputs" && loc[1] === name)}
      onChange=${(draft) => set(name, draft)} onRemove=${added.includes(name) ? () => remove(name) : undefined} />`)}
    ${others.length > 0 && html`<${InputAdder} names=${others} onAdd=${(name) => set(name, emptyDraft(schemaOf(name), schema))} />`}
  <//>`;
}

function InputAdder({ names, onAdd }) {
  const [name, setName] = useState("");
  const add = () => {
    if (name) onAdd(name);
    setName("");
  };
  return html`<div class="adder">
    <label for="added-input">Replace another dataset</label>
    <select id="added-input" value=${name} onChange=${(event) => setName(event.target.value)}>
      <option value="">Choose…</option>
      ${names.map((one) => html`<option value=${one}>${one}</option>`)}
    </select>
    <button type="button" onClick=${add} disabled=${!name}>Add</button>
  </div>`;
}

export function ParametersSection({ form, change, problemAt, schema, fields }) {
  const set = (path, text) =>
    change(["params", ...path], ({ params }) => {
      const { [pathKey(path)]: _, ...rest } = params;
      return { params: text === undefined ? rest : { ...rest, [pathKey(path)]: text } };
    });
  const hint = fields.length ? "Only what you change is sent." : "These nodes take no parameters.";
  // The catalog may use parameters that no node takes; then the schema leaves room for others.
  const hasOthers = schema.properties?.params?.additionalProperties !== false || form.extras.length > 0;
  return html`<${Section} title="Parameters" hint=${hint}>
    <div class="field-grid"><${ParameterFields} fields=${fields} texts=${form.params} problemAt=${problemAt} onChange=${set} /></div>
    ${hasOthers &&
    html`<${PairRows} loc=${["extras"]} legend="Other parameters" addLabel="Add a parameter" problemAt=${problemAt}
      hint=${form.extras.length ? "Dots in a name nest. A value is JSON, or else a text." : ""}
      rows=${form.extras} onChange=${(extras) => change(["extras"], () => ({ extras }))} />`}
  <//>`;
}

export function NodesSection({ form, change, problemAt, description, others, problem }) {
  const known = knownNames(description);
  const set = (name, names) => change([name], (former) => ({ names: { ...former.names, [name]: names } }));
  const pick = (name, label, choices, hint) => html`<${NamePicker} key=${name} loc=${[name]} label=${label} names=${form.names[name]}
    known=${choices} hint=${hint} problem=${problemAt([name], { exactly: false })} onChange=${(names) => set(name, names)} />`;
  const isSliced = SLICES.some((name) => form.names[name].length) || form.names.pipeline_names.length > 0;
  return html`<${Section} title="Nodes and outputs" isFolded isOpen=${isSliced}>
    ${problem && html`<p class="field-error">${problem}</p>`}
    <div class="field-grid">
      ${pick("outputs", "Outputs to keep", known.outputs, "The run's page shows them.")}
      ${SLICES.filter((name) => known[name].length).map((name) => pick(name, SLICE_LABELS[name], known[name]))}
      ${others.length > 0 && pick("pipeline_names", "Together with pipelines", others)}
    </div>
    <${Check} loc=${["only_missing_outputs"]} label="Run only nodes whose outputs are missing" form=${form} change=${change} />
  <//>`;
}

export function OptionsSection({ form, change, problemAt }) {
  const { runner, timeout_seconds: seconds, on_interrupt: onInterrupt } = form.options;
  const set = (name, value) => change([name], ({ options }) => ({ options: { ...options, [name]: value } }));
  const secondsProblem = problemAt(["timeout_seconds"]);
  const runnerProblem = problemAt(["runner"]);
  return html`<${Section} title="Options" isFolded isOpen=${Boolean(runner || seconds || form.labels.length || form.versions.length)}>
    <div class="field-grid">
      <${Field} loc=${["runner"]} label="Runner" problem=${runnerProblem}>
        <input ...${controlProps(["runner"], { problem: runnerProblem })} type="text" list="runners" placeholder=${RUNNERS[0]}
          autocomplete="off" value=${runner} onInput=${(event) => set("runner", event.target.value)} />
        <datalist id="runners">${RUNNERS.map((name) => html`<option value=${name}></option>`)}</datalist>
      <//>
      <${Field} loc=${["timeout_seconds"]} label="Time limit in seconds" problem=${secondsProblem}>
        <input ...${controlProps(["timeout_seconds"], { problem: secondsProblem })} type="text" inputmode="decimal" placeholder="none"
          autocomplete="off" value=${seconds} onInput=${(event) => set("timeout_seconds", event.target.value)} />
      <//>
      <${Field} loc=${["on_interrupt"]} label="If the server dies">
        <select ...${controlProps(["on_interrupt"])} value=${onInterrupt} onChange=${(event) => set("on_interrupt", event.target.value)}>
          <option value="mark">mark the run as interrupted</option>
          <option value="rerun">run it again</option>
        </select>
      <//>
    </div>
    <${Check} loc=${["is_async"]} label="Load and save the datasets of a node at the same time" form=${form} change=${change} />
    <${PairRows} loc=${["labels"]} legend="Labels" addLabel="Add a label" problemAt=${(loc) => problemAt(loc, { exactly: false })}
      rows=${form.labels} onChange=${(labels) => change(["labels"], () => ({ labels }))} />
    <${PairRows} loc=${["load_versions"]} legend="Versions to load" words=${["Dataset", "Version"]} addLabel="Add a version"
      problemAt=${(loc) => problemAt(loc, { exactly: false })}
      rows=${form.versions} onChange=${(versions) => change(["load_versions"], () => ({ versions }))} />
  <//>`;
}

function Check({ loc, label, form, change }) {
  const [name] = loc;
  const set = (event) => change(loc, ({ options }) => ({ options: { ...options, [name]: event.target.checked } }));
  return html`<label class="check">
    <input ...${controlProps(loc)} type="checkbox" checked=${form.options[name]} onChange=${set} /> ${label}</label>`;
}

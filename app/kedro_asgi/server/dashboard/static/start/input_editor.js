// The value of one dataset for a run: as a table, as JSON, or from a file.

import { html, useRef, useState } from "../html.js";
import { FieldNotes, controlProps, fieldId } from "./field.js";
import { columnSchemas, draftOf, draftOfText, emptyDraft, isBlank, isScalar, readDraft } from "./input_drafts.js";
import { jsonText } from "./literals.js";
import { TableEditor } from "./table_editor.js";

const CELL_HINT = 'An empty cell is a missing value. Quotes keep a number as text: "007".';

export function InputEditor({ name, schema, root, draft, isRequired, problems, example, onChange, onRemove }) {
  const [notice, setNotice] = useState("");
  const loc = ["inputs", name];
  const shown = draft ?? emptyDraft(schema, root);
  const problem = problems.map(({ loc: place, msg }) => [...place.slice(2), msg].join(" ")).slice(0, 5).join("; ");
  const show = (next) => {
    setNotice("");
    onChange(next);
  };
  const read = (text) => {
    const found = draftOfText(text, schema, root);
    if (found) show(found);
    return found !== null;
  };
  const type = schema["x-kedro"]?.type?.split(".").at(-1);
  const hint = [schema.description, type, shown.form === "table" && CELL_HINT].filter(Boolean).join(" · ");
  return html`<section class="input-editor" aria-label=${`Input ${name}`}>
    <div class="field-head">
      <h3><code>${name}</code>${isRequired && html`<span class="required"> required</span>`}</h3>
      ${!isScalar(schema, root) &&
      html`<${FormSwitch} name=${name} draft=${shown} schema=${schema} root=${root} onChange=${show} onProblem=${setNotice} />`}
      <${FileButton} name=${name} onText=${(text) => read(text) || setNotice("The file cannot be read as JSON or as a table.")} />
      ${example !== undefined && html`<button type="button" class="quiet" onClick=${() => show(draftOf(example, schema, root))}>
        Example<span class="visually-hidden"> for ${name}</span></button>`}
      ${onRemove && html`<button type="button" class="quiet" onClick=${onRemove} aria-label=${`Remove input ${name}`}>×</button>`}
    </div>
    <${shown.form === "table" ? TableForm : JsonForm} loc=${loc} name=${name} draft=${shown} schema=${schema} root=${root}
      problems=${problems} problem=${problem} hint=${hint} onChange=${show} onText=${read} />
    <${FieldNotes} loc=${loc} hint=${hint} problem=${problem || notice} />
  </section>`;
}

function TableForm({ loc, name, draft, schema, root, problems, onChange, onText }) {
  const columns = Object.keys(columnSchemas(schema, root) ?? {});
  const isFixed = columns.length > 0 && columns.every((column) => draft.columns.includes(column));
  // Rows without any value are not sent, so the server counts fewer.
  const sent = draft.rows.map((row, n) => n).filter((n) => draft.rows[n].some((cell) => cell !== ""));
  const hasProblem = (row, column) =>
    problems.some(({ loc: [, , record, field] }) => sent[record] === row && (field === undefined || field === column));
  return html`<div id=${fieldId(loc)} tabindex="-1">
    <${TableEditor} label=${name} draft=${draft} isFixed=${isFixed && draft.columns.length === columns.length}
      hasProblem=${hasProblem} onChange=${onChange} onPasteAll=${onText} />
  </div>`;
}

function JsonForm({ loc, name, draft, schema, root, problem, hint, onChange, onText }) {
  const fewest = isScalar(schema, root) ? 1 : 3;
  const paste = (event) => {
    if (fewest > 1 && draft.text.trim() === "" && onText(event.clipboardData.getData("text/plain"))) event.preventDefault();
  };
  const rows = Math.min(Math.max(draft.text.split("\n").length, fewest), 16);
  return html`<textarea ...${controlProps(loc, { problem, hint })} aria-label=${`${name} as JSON`} rows=${rows} spellcheck=${false}
    placeholder=${fewest === 1 ? "" : "JSON, or paste a table with a line of names"} value=${draft.text} onPaste=${paste}
    onInput=${(event) => onChange({ form: "json", text: event.target.value })}></textarea>`;
}

// Both forms show the same value; JSON that is no list of records stays JSON.
function FormSwitch({ name, draft, schema, root, onChange, onProblem }) {
  const toJson = () => {
    const { value, problems } = isBlank(draft) ? { problems: [] } : readDraft(draft, { schema, root });
    if (problems.length) return onProblem(problems[0].msg);
    return onChange({ form: "json", text: value === undefined ? "" : jsonText(value) });
  };
  const toTable = () => {
    const blank = emptyDraft(schema, root);
    const empty = blank.form === "table" ? blank : { form: "table", columns: [""], rows: [[""]] };
    const next = isBlank(draft) ? empty : draftOfText(draft.text, schema, root);
    return next?.form === "table" ? onChange(next) : onProblem("Only a list of objects can be a table.");
  };
  return html`<div class="segmented" role="group" aria-label=${`Form of ${name}`}>
    <button type="button" aria-pressed=${draft.form === "table"} onClick=${draft.form === "table" ? undefined : toTable}>Table</button>
    <button type="button" aria-pressed=${draft.form === "json"} onClick=${draft.form === "json" ? undefined : toJson}>JSON</button>
  </div>`;
}

function FileButton({ name, onText }) {
  const input = useRef(null);
  const choose = async (event) => {
    const [file] = event.target.files;
    event.target.value = "";
    if (file) onText(await file.text().catch(() => ""));
  };
  return html`<button type="button" class="quiet" onClick=${() => input.current.click()}>
      File…<span class="visually-hidden"> for ${name}</span></button>
    <input ref=${input} type="file" accept=".json,.csv,.tsv,.txt" hidden onChange=${choose} aria-label=${`File for ${name}`} />`;
}

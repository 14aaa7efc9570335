// A list of names that grows by typing or choosing one, and shrinks by a button at each.

import { html, useState } from "../html.js";
import { Field, controlProps, fieldId } from "./field.js";

// `known` are the names to choose from; others are marked, since the server would refuse them.
export function NamePicker({ loc, label, names, known, hint, problem, onChange }) {
  const [text, setText] = useState("");
  const choices = `${fieldId(loc)}-choices`;
  const add = () => {
    const name = text.trim();
    if (name && !names.includes(name)) onChange([...names, name]);
    setText("");
  };
  const press = (event) => {
    if (event.key === "Enter") {
      event.preventDefault();
      add();
    } else if (event.key === "Backspace" && text === "" && names.length) onChange(names.slice(0, -1));
  };
  // A choice from the list needs no further key.
  const input = (event) => {
    const typed = event.target.value;
    const isChosen = event.inputType === "insertReplacementText" || event.inputType === undefined;
    if (!isChosen || !known.includes(typed)) return setText(typed);
    if (!names.includes(typed)) onChange([...names, typed]);
    return setText("");
  };
  return html`<${Field} loc=${loc} label=${label} hint=${hint} problem=${problem}>
    <div class="name-picker">
      ${names.map((name) => html`<${Chip} key=${name} name=${name} isKnown=${known.includes(name)}
        onRemove=${() => onChange(names.filter((other) => other !== name))} />`)}
      <input ...${controlProps(loc, { problem, hint })} type="text" list=${choices} value=${text} autocomplete="off"
        onInput=${input} onKeyDown=${press} onBlur=${add} />
    </div>
    <datalist id=${choices}>
      ${known.filter((name) => !names.includes(name)).map((name) => html`<option value=${name}></option>`)}
    </datalist>
  <//>`;
}

function Chip({ name, isKnown, onRemove }) {
  return html`<span class=${`chip${isKnown ? "" : " unknown"}`}>
    ${name}${!isKnown && html`<span class="visually-hidden"> (not in this pipeline)</span>`}
    <button type="button" onClick=${onRemove} aria-label=${`Remove ${name}`}>×</button>
  </span>`;
}

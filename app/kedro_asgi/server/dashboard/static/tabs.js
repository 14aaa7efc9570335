// Tabs with the keys of the usual pattern: arrows move between tabs, and the panel follows.

import { html, useRef } from "./html.js";

// `tabs` are `{id, title, count, view}`; `view()` renders the panel, which exists only while its tab is chosen.
export function Tabs({ label, tabs, chosen, onChoose }) {
  const list = useRef(null);
  const current = tabs.find(({ id }) => id === chosen) ?? tabs[0];
  const move = (event) => {
    const steps = { ArrowRight: 1, ArrowLeft: -1, Home: -tabs.indexOf(current), End: tabs.length - 1 - tabs.indexOf(current) };
    const step = steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const next = (tabs.indexOf(current) + step + tabs.length) % tabs.length;
    onChoose(tabs[next].id);
    list.current.children[next].focus();
  };
  return html`<div class="tabs">
    <div class="tab-list" role="tablist" aria-label=${label} ref=${list} onKeyDown=${move}>
      ${tabs.map(
        (tab) => html`<button key=${tab.id} id=${`tab-${tab.id}`} type="button" role="tab" aria-selected=${tab === current}
          aria-controls="tab-panel" tabindex=${tab === current ? 0 : -1} onClick=${() => onChoose(tab.id)}>
          ${tab.title}${tab.count > 0 && html`<span class="count">${tab.count}</span>`}
        </button>`,
      )}
    </div>
    <div class="tab-panel" id="tab-panel" role="tabpanel" aria-labelledby=${`tab-${current.id}`} tabindex="0">${current.view()}</div>
  </div>`;
}

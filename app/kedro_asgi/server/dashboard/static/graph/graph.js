// The graph of a pipeline by the layout of the server; zooms, pans, and goes from box to box by keys.

import { html, useCallback, useEffect, useMemo, useState } from "../html.js";
import { Box } from "./box.js";
import { Edges, EdgesOf } from "./edges.js";
import { nextBox } from "./keys.js";
import { jointState } from "./states.js";
import { useViewport } from "./viewport.js";

const STEP = 1.3;
const NO_STATES = {};

// `layout` is that of `GET /pipelines/{name}`, `states` has states of nodes by name, `selected` the id of a box.
// `matching` is a set of ids: other boxes are dimmed. `onSelect(id)` gets null where nothing is selected any more,
// `onOpen(id)` a box that was opened by a double click.
export function Graph({ layout, states = NO_STATES, selected = null, matching = null, onSelect, onOpen, label = "Graph" }) {
  const viewport = useViewport(layout, { isWhole: states !== NO_STATES });
  const [current, setCurrent] = useState(null);
  const byId = useMemo(() => new Map(layout.boxes.map((box) => [box.id, box])), [layout]);
  const first = byId.has(current) ? current : byId.has(selected) ? selected : layout.boxes[0]?.id;
  useEffect(() => {
    if (byId.has(selected)) viewport.reveal(byId.get(selected));
  }, [selected, viewport]);
  const focus = useCallback((id) => focusBox(viewport, byId, id), [viewport, byId]);
  const onKeyDown = (event) => handleKey(event, { viewport, layout, focus, onSelect, onOpen });
  return html`<div class="graph">
    <svg
      ref=${viewport.frame}
      role="group"
      aria-label="${label}: ${layout.boxes.length} elements; arrow keys go along its edges"
      onClick=${(event) => onSelect?.(boxId(event))}
      onDblClick=${(event) => boxId(event) && onOpen?.(boxId(event))}
      onKeyDown=${onKeyDown}
      onFocusIn=${(event) => setCurrent(boxId(event))}
    >
      <g ref=${viewport.stage}>
        <${Edges} layout=${layout} />
        <${EdgesOf} layout=${layout} id=${byId.has(selected) ? selected : null} />
        ${layout.boxes.map(
          (box) => html`<${Box}
            key=${box.id}
            box=${box}
            state=${jointState(box.members, states)}
            isSelected=${box.id === selected}
            isDimmed=${matching !== null && !matching.has(box.id)}
            isFirst=${box.id === first}
          />`,
        )}
      </g>
    </svg>
    <div class="graph-buttons" role="group" aria-label="View">
      <button type="button" aria-label="Zoom in" title="Zoom in (+)" onClick=${() => viewport.zoom(STEP)}>+</button>
      <button type="button" aria-label="Zoom out" title="Zoom out (−)" onClick=${() => viewport.zoom(1 / STEP)}>−</button>
      <button type="button" title="Show all (0)" onClick=${viewport.fit}>Fit</button>
    </div>
  </div>`;
}

function boxId(event) {
  return event.target.closest("[data-id]")?.dataset.id ?? null;
}

function focusBox({ frame, reveal }, byId, id) {
  reveal(byId.get(id));
  frame.current.querySelector(`[data-id="${CSS.escape(id)}"]`)?.focus({ preventScroll: true });
}

function handleKey(event, { viewport, layout, focus, onSelect, onOpen }) {
  const id = boxId(event);
  const next = event.key.startsWith("Arrow") ? nextBox(layout, id, event.key) : undefined;
  const actions = {
    "+": () => viewport.zoom(STEP),
    "=": () => viewport.zoom(STEP),
    "-": () => viewport.zoom(1 / STEP),
    0: () => viewport.fit(),
    Enter: () => (event.shiftKey ? onOpen?.(id) : onSelect?.(id)),
    " ": () => onSelect?.(id),
    Escape: () => onSelect?.(null),
  };
  if (event.ctrlKey || event.metaKey || event.altKey || !(next || actions[event.key])) return;
  event.preventDefault();
  if (next) focus(next);
  else actions[event.key]();
}

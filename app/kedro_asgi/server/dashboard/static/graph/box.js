// One box of a graph: a node, dataset or parameter, or a collapsed namespace.

import { html, useMemo } from "../html.js";
import { statusWord } from "../status.js";

// Drawn in a square of 14 pixels, from its upper left corner.
const ICONS = {
  node: "M10.5 2.5C8 1.5 7.2 3 6.8 5.2L5.4 11C5 12.8 4 13 2.8 12.2M4.4 6.4H9.2",
  dataset: "M2 3.4C2 2 12 2 12 3.4S2 4.8 2 3.4V10.6C2 12 12 12 12 10.6V3.4M2 7C2 8.4 12 8.4 12 7",
  parameter: "M1.5 4H8M11 4H12.5M1.5 10H3M6 10H12.5M9.5 2.4V5.6M4.5 8.4V11.6",
  namespace: "M4.5 2H12V9.5H4.5ZM2 4.5V12H9.5",
};
// Drawn around the middle of a mark.
const SIGNS = {
  success: "M-3 0L-0.8 2.4L3.2 -2.2",
  failure: "M-2.4 -2.4L2.4 2.4M2.4 -2.4L-2.4 2.4",
  running: "M-1.6 -3L2.8 0L-1.6 3Z",
  cancelled: "M-2.4 -2.4H2.4V2.4H-2.4Z",
  waiting: "M0 -3V0L2.2 1.6",
  skipped: "M-3 0H3",
};

// Rendered only if one of its properties changes: a graph has hundreds of boxes.
export function Box(properties) {
  const { box, state, isSelected, isDimmed, isFirst } = properties;
  return useMemo(() => draw(properties), [box, state, isSelected, isDimmed, isFirst]);
}

function draw({ box, state, isSelected, isDimmed, isFirst }) {
  const { id, kind, name, label, detail, x, y, width, height } = box;
  const classes = ["box", kind, state, isSelected && "selected", isDimmed && "dimmed"].filter(Boolean).join(" ");
  const rounding = kind === "dataset" || kind === "parameter" ? height / 2 : 6;
  const middle = height / 2;
  return html`<g
    class=${classes}
    data-id=${id}
    transform="translate(${x} ${y})"
    role="button"
    aria-pressed=${isSelected ? "true" : "false"}
    aria-label="${kind} ${name}${state ? `, ${statusWord(state)}` : ""}"
    tabindex=${isFirst ? 0 : -1}
  >
    <title>${name}${state ? ` (${statusWord(state)})` : ""}</title>
    ${kind === "namespace" && html`<rect class="shape" x="4" y="4" width=${width} height=${height} rx=${rounding} />`}
    <rect class="shape" width=${width} height=${height} rx=${rounding} />
    <path class="icon" d=${ICONS[kind]} transform="translate(10 ${middle - 7})" />
    <text class="label" x="30" y=${detail ? middle - 7 : middle}>${label}</text>
    ${detail && html`<text class="detail" x="30" y=${middle + 8}>${detail}</text>`}
    ${state && html`<g class="mark" transform="translate(${width - 4} 3)"><circle r="7" /><path d=${SIGNS[state]} /></g>`}
  </g>`;
}

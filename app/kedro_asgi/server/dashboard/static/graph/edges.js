// The edges of a graph: all of them, and those of the selected box once more above them.

import { html, useMemo } from "../html.js";

export function Edges({ layout }) {
  return useMemo(() => html`<g class="edges">${layout.edges.map(draw)}${arrows(layout.edges)}</g>`, [layout]);
}

export function EdgesOf({ layout, id }) {
  return useMemo(() => {
    const near = id ? layout.edges.filter(({ source, target }) => source === id || target === id) : [];
    return html`<g class="edges near">${near.map(draw)}${arrows(near)}</g>`;
  }, [layout, id]);
}

function draw({ points }) {
  return html`<path class="edge" d=${edgePath(points)} />`;
}

// Edges that end at the same place share an arrow.
function arrows(edges) {
  const tips = new Map(edges.map(({ points }) => [points.at(-1).join(), [points.at(-1), points.at(-2)[1] <= points.at(-1)[1]]]));
  return [...tips.values()].map(([[x, y], isDown]) => {
    const back = isDown ? y - 6 : y + 6;
    return html`<path class="arrow" d="M${x - 3.5} ${back}L${x} ${y}L${x + 3.5} ${back}Z" />`;
  });
}

// Curves that begin and end vertically, as in the server's pictures.
function edgePath(points) {
  const steps = points.slice(1).map(([toX, toY], n) => {
    const [x, y] = points[n];
    const middle = (y + toY) / 2;
    return toX === x ? `V${toY}` : `C${x} ${middle} ${toX} ${middle} ${toX} ${toY}`;
  });
  return `M${points[0].join(" ")}${steps.join("")}`;
}

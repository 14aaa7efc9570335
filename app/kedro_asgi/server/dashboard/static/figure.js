// Draws the figure that the page around this frame sends. The frame has no rights in the page.

const SETTINGS = { responsive: true, displaylogo: false };

window.addEventListener("message", ({ source, data }) => {
  if (source === window.parent) window.Plotly.newPlot("figure", data.data, data.layout, SETTINGS);
});
// Without plotly on the server, there is no script that could draw.
window.parent.postMessage(window.Plotly ? "ready" : "missing", "*");

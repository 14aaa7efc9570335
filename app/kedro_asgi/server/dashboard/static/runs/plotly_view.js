// A figure of plotly, drawn in a frame by the script of the plotly that the server's project has.

import { html, useEffect, useRef, useState } from "../html.js";

// `otherwise` is shown where the figure cannot be drawn, as without plotly on the server.
export function PlotlyView({ figure, label, otherwise }) {
  const frame = useRef(null);
  const [isMissing, setIsMissing] = useState(false);
  useEffect(() => {
    const answer = ({ source, data }) => {
      if (source === null || source !== frame.current?.contentWindow) return;
      if (data === "ready") source.postMessage({ data: figure.data, layout: figure.layout }, "*");
      else setIsMissing(true);
    };
    window.addEventListener("message", answer);
    return () => window.removeEventListener("message", answer);
  }, [figure]);
  if (isMissing) return otherwise;
  return html`<iframe class="figure" title=${`Figure ${label}`} src="figure.html" ref=${frame}
    sandbox="allow-scripts allow-downloads"></iframe>`;
}

export function isFigure(value) {
  return Array.isArray(value?.data) && typeof value.layout === "object" && value.layout !== null;
}

// The project: its pipelines, and the graph of one of them.

import { html, useEffect } from "./html.js";
import { getJson } from "./api.js";
import { Empty, ErrorNotice, Loading } from "./feedback.js";
import { useLoaded } from "./loading.js";
import { Batching } from "./project/batching.js";
import { Pipeline } from "./project/pipeline.js";
import { href } from "./router.js";

export default function Project({ params, query }) {
  const { value, error, reload } = useLoaded((signal) => getJson(["pipelines"], { signal }), []);
  const chosen = params.pipeline ?? (value && firstPipeline(value.pipelines));
  useEffect(() => {
    if (chosen) document.title = `${chosen} · kedro-asgi`;
  }, [chosen]);
  const summary = value?.pipelines.find(({ name }) => name === chosen) ?? { nodes: 0, namespaces: [] };
  if (error) return html`<${ErrorNotice} error=${error} onRetry=${reload} />`;
  if (!value) return html`<${Loading} />`;
  return html`<header class="page-head">
      <h1>${value.project_name}</h1>
      ${chosen && html`<${Actions} pipeline=${chosen} />`}
    </header>
    <${Broken} pipelines=${value.broken} />
    <${PipelineLinks} pipelines=${value.pipelines} chosen=${chosen} />
    ${chosen && html`<${Batching} key=${`batching of ${chosen}`} name=${chosen} />`}
    ${chosen ? html`<${Pipeline} name=${chosen} summary=${summary} query=${query} />` : html`<${Empty} title="The project has no pipeline." />`}`;
}

function Actions({ pipeline }) {
  return html`<div class="actions">
    <a class="button" href=${href(["runs"], { pipeline })}>Runs</a>
    <a class="button primary" href=${href(["start", pipeline])}>Start<span class="visually-hidden"> ${pipeline}</span></a>
  </div>`;
}

// The default pipeline, or the first that has any node.
function firstPipeline(pipelines) {
  const filled = pipelines.filter(({ nodes }) => nodes > 0);
  return (filled.find(({ name }) => name === "__default__") ?? filled[0] ?? pipelines[0])?.name;
}

function PipelineLinks({ pipelines, chosen }) {
  return html`<nav aria-label="Pipelines">
    <ul class="pipeline-links">
      ${pipelines.map(
        ({ name, nodes }) => html`<li key=${name}>
          <a href=${href(["project", name])} aria-current=${name === chosen ? "page" : undefined}
            >${name} <span class="count">${nodes}<span class="visually-hidden"> nodes</span></span></a
          >
        </li>`,
      )}
    </ul>
  </nav>`;
}

function Broken({ pipelines }) {
  const found = Object.entries(pipelines);
  if (!found.length) return null;
  return html`<div class="notice warning stack">
    ${found.map(([name, reason]) => html`<p key=${name}><strong>${name}</strong> cannot be imported: ${reason}</p>`)}
  </div>`;
}

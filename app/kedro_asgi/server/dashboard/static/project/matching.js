// Which boxes of a pipeline match a search and filters.

// Return the ids of the boxes that match all that is given, or null if nothing is. A tag or a namespace also matches
// the datasets and parameters of its nodes.
export function findMatching(pipeline, text, tag, namespace) {
  if (!text && !tag && !namespace) return null;
  const { nodes, layout } = pipeline;
  const wanted = nodes.filter((node) => hasTag(node, tag) && isWithin(node, namespace));
  const names = new Set(wanted.map(({ name }) => name));
  const inner = layout.boxes.filter(({ members }) => members.some((member) => names.has(member)));
  const ids = new Set(tag || namespace ? withNeighbours(layout, inner) : layout.boxes.map(({ id }) => id));
  const terms = text.toLowerCase().split(/\s+/).filter(Boolean);
  const functions = new Map(nodes.map(({ id, func_name: name }) => [id, name]));
  const isFound = ({ id, name }) => {
    const words = `${name} ${functions.get(id) ?? ""}`.toLowerCase();
    return ids.has(id) && terms.every((term) => words.includes(term));
  };
  return new Set(layout.boxes.filter(isFound).map(({ id }) => id));
}

function hasTag({ tags }, tag) {
  return !tag || tags.includes(tag);
}

function isWithin({ namespace }, wanted) {
  return !wanted || namespace === wanted || Boolean(namespace?.startsWith(`${wanted}.`));
}

function withNeighbours(layout, boxes) {
  const ids = new Set(boxes.map(({ id }) => id));
  const near = layout.edges.flatMap(({ source, target }) => (ids.has(source) ? [target] : ids.has(target) ? [source] : []));
  const isNode = (id) => id.startsWith("node:") || id.startsWith("namespace:");
  return [...ids, ...near.filter((id) => !isNode(id))];
}

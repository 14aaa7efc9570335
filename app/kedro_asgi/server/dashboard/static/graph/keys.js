// From box to box by arrow keys: up and down along edges, left and right within a row.

// Return the id of the box that an arrow key leads to from box `id`, or undefined.
export function nextBox(layout, id, key) {
  const box = layout.boxes.find((found) => found.id === id);
  if (!box) return undefined;
  if (key === "ArrowDown") return nearest(box, ends(layout, "source", "target", id));
  if (key === "ArrowUp") return nearest(box, ends(layout, "target", "source", id));
  const row = layout.boxes.filter((found) => found !== box && overlap(box, found));
  if (key === "ArrowLeft") return nearest(box, row.filter((found) => found.x < box.x));
  if (key === "ArrowRight") return nearest(box, row.filter((found) => found.x > box.x));
  return undefined;
}

function ends(layout, from, to, id) {
  const ids = new Set(layout.edges.filter((edge) => edge[from] === id).map((edge) => edge[to]));
  return layout.boxes.filter((box) => ids.has(box.id));
}

function overlap(one, other) {
  return one.y < other.y + other.height && other.y < one.y + one.height;
}

function nearest(box, boxes) {
  // The next row comes before a box of a later row that stands straight below.
  const distance = (found) => Math.hypot(centre(found) - centre(box), 8 * (found.y - box.y));
  return boxes.length ? boxes.reduce((best, found) => (distance(found) < distance(best) ? found : best)).id : undefined;
}

function centre(box) {
  return box.x + box.width / 2;
}

// Zoom and pan of a drawing. The transform is set on the element itself, so that nothing is rendered again.

import { useCallback, useEffect, useMemo, useRef } from "../html.js";

const SMALLEST = 0.04;
const LARGEST = 3;
const LARGEST_FIT = 1.2;
const READABLE = 0.7;
const SMALL = 0.45;
// Below this scale, labels are too small to read, and are left out.
const FAR = 0.3;
const MARGIN = 8;

// Return `{frame, stage, zoom(factor), fit(), reveal(box)}`: refs for the `svg` and its moving `g`, and what moves it.
// A high drawing begins at its top, as wide as the frame, unless all of it `isWhole` at first.
export function useViewport(layout, { isWhole }) {
  const frame = useRef(null);
  const stage = useRef(null);
  const view = useRef({ x: 0, y: 0, scale: 1 });

  const show = useCallback((x, y, scale) => {
    view.current = { x, y, scale };
    stage.current?.setAttribute("transform", `translate(${x} ${y}) scale(${scale})`);
    stage.current?.classList.toggle("far", scale < FAR);
  }, []);

  const zoomAt = useCallback((x, y, factor) => {
    const former = view.current;
    const scale = Math.min(LARGEST, Math.max(SMALLEST, former.scale * factor));
    const ratio = scale / former.scale;
    show(x - (x - former.x) * ratio, y - (y - former.y) * ratio, scale);
  }, []);

  const move = useCallback((right, down) => {
    const { x, y, scale } = view.current;
    show(x + right, y + down, scale);
  }, []);

  const fit = useCallback(() => {
    const { width, height } = frame.current.getBoundingClientRect();
    const scale = Math.min((width - 2 * MARGIN) / layout.width, (height - 2 * MARGIN) / layout.height, LARGEST_FIT);
    const bounded = Math.max(scale, SMALLEST);
    show((width - layout.width * bounded) / 2, Math.max((height - layout.height * bounded) / 2, MARGIN), bounded);
  }, [layout]);

  const zoom = useCallback((factor) => {
    const { width, height } = frame.current.getBoundingClientRect();
    zoomAt(width / 2, height / 2, factor);
  }, []);

  // Bring a box into view, large enough to read; leave the view alone if it is.
  const reveal = useCallback((box) => {
    const { width, height } = frame.current.getBoundingClientRect();
    const { x, y, scale } = view.current;
    const left = box.x * scale + x;
    const top = box.y * scale + y;
    const isInside = left >= 0 && top >= 0 && left + box.width * scale <= width && top + box.height * scale <= height;
    if (isInside && scale >= READABLE) return;
    const readable = Math.max(scale, READABLE);
    const [centreX, centreY] = [box.x + box.width / 2, box.y + box.height / 2];
    show(width / 2 - centreX * readable, height / 2 - centreY * readable, readable);
  }, []);

  const begin = useCallback(() => {
    fit();
    const { width } = frame.current.getBoundingClientRect();
    const wide = Math.min((width - 2 * MARGIN) / layout.width, READABLE);
    const isSmall = view.current.scale < wide && view.current.scale < SMALL;
    if (isSmall && !isWhole) show((width - layout.width * wide) / 2, MARGIN, wide);
  }, [layout]);

  useEffect(begin, [layout]);
  useEffect(() => listen(frame.current, { zoomAt, move }), []);
  return useMemo(() => ({ frame, stage, zoom, fit, reveal, move }), [fit]);
}

function listen(element, { zoomAt, move }) {
  const pointers = new Map();
  let hasMoved = false;

  const place = (event) => {
    const { left, top } = element.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  };
  const onWheel = (event) => {
    // A wheel scrolls the page, until the reader is in the drawing; a pinch on a touchpad is a wheel with Ctrl.
    if (!event.ctrlKey && !event.metaKey && !element.contains(document.activeElement)) return;
    event.preventDefault();
    const { x, y } = place(event);
    zoomAt(x, y, Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0022)));
  };
  const onDown = (event) => {
    if (event.button !== 0) return;
    if (!pointers.size) hasMoved = false;
    pointers.set(event.pointerId, place(event));
  };
  const onMove = (event) => {
    const former = pointers.get(event.pointerId);
    if (!former) return;
    const now = place(event);
    if (!hasMoved && Math.hypot(now.x - former.x, now.y - former.y) < 4) return;
    if (!hasMoved) element.setPointerCapture(event.pointerId);
    hasMoved = true;
    const others = [...pointers].filter(([id]) => id !== event.pointerId).map(([, found]) => found);
    if (others.length) pinch(others[0], former, now);
    else move(now.x - former.x, now.y - former.y);
    pointers.set(event.pointerId, now);
  };
  const pinch = (other, former, now) => {
    const before = Math.hypot(former.x - other.x, former.y - other.y) || 1;
    const after = Math.hypot(now.x - other.x, now.y - other.y) || 1;
    zoomAt((now.x + other.x) / 2, (now.y + other.y) / 2, after / before);
  };
  const onUp = (event) => pointers.delete(event.pointerId);
  // The end of a drag is no click on the box below the pointer.
  const onClick = (event) => {
    if (hasMoved) event.stopPropagation();
    hasMoved = false;
  };

  const listeners = { wheel: onWheel, pointerdown: onDown, pointermove: onMove, pointerup: onUp, pointercancel: onUp };
  for (const [name, listener] of Object.entries(listeners)) element.addEventListener(name, listener, { passive: false });
  element.addEventListener("click", onClick, { capture: true });
  return () => {
    for (const [name, listener] of Object.entries(listeners)) element.removeEventListener(name, listener);
    element.removeEventListener("click", onClick, { capture: true });
  };
}

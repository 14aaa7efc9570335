// The address of a page: segments and a query behind the hash, as in `#/runs?status=failure`.

import { useEffect, useState } from "./html.js";

// Return the segments and the query of the current address.
export function readRoute(hash = location.hash) {
  const [path, query] = splitOnce(hash.replace(/^#\/?/, ""), "?");
  return { segments: path.split("/").filter(Boolean).map(decode), query: new URLSearchParams(query) };
}

// Return the link to a page; `query` is an object, URLSearchParams or pairs, and empty values are left out.
export function href(segments, query = {}) {
  const pairs = query instanceof URLSearchParams || Array.isArray(query) ? [...query] : Object.entries(query);
  const search = new URLSearchParams(pairs.filter(([, value]) => value !== "" && value !== null && value !== undefined));
  const text = search.toString();
  return `#/${segments.map(encodeURIComponent).join("/")}${text && `?${text}`}`;
}

export function navigate(link) {
  location.hash = link;
}

// Change the address without an entry in the history, as a filter does while its user types.
export function replaceAddress(link) {
  history.replaceState(null, "", link);
  window.dispatchEvent(new HashChangeEvent("hashchange"));
}

// The current route; the component renders again when it changes.
export function useRoute() {
  const [route, setRoute] = useState(() => readRoute());
  useEffect(() => {
    // A link to an element, such as the skip link, names no page.
    const update = () => (location.hash === "" || location.hash.startsWith("#/")) && setRoute(readRoute());
    window.addEventListener("hashchange", update);
    return () => window.removeEventListener("hashchange", update);
  }, []);
  return route;
}

function splitOnce(text, separator) {
  const place = text.indexOf(separator);
  return place < 0 ? [text, ""] : [text.slice(0, place), text.slice(place + 1)];
}

function decode(segment) {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

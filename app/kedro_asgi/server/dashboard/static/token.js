// The token of the user: kept for this tab only, sent in a header, and never part of an address.

const ROOT = new URL("../", document.baseURI);
// Another server of the same origin has another prefix.
const KEY = `kedro-asgi.token:${ROOT.pathname}`;
const NEEDED = "kedro-asgi:token-needed";

// A request may be refused before the application has drawn anything.
const last = { reason: null };

export function hasToken() {
  return sessionStorage.getItem(KEY) !== null;
}

export function keepToken(token) {
  sessionStorage.setItem(KEY, token);
}

export function forgetToken() {
  sessionStorage.removeItem(KEY);
}

// Return the headers that show the server the token; none without one.
export function tokenHeaders() {
  const token = sessionStorage.getItem(KEY);
  return token === null ? {} : { Authorization: `Bearer ${token}` };
}

// Tell the application that the server asks for a token, or takes the one that it got for none.
export function reportTokenNeeded(reason) {
  last.reason = hasToken() ? reason : "";
  window.dispatchEvent(new Event(NEEDED));
}

// Call `onNeeded(reason)` for each such report, also for one that came before, and return a function that ends this.
export function watchTokenNeeded(onNeeded) {
  const listener = () => onNeeded(last.reason);
  window.addEventListener(NEEDED, listener);
  if (last.reason !== null) listener();
  return () => window.removeEventListener(NEEDED, listener);
}

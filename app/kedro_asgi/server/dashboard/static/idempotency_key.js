// Keys with which the server starts one run, however often a request is sent.

// Return a random key; a page over plain HTTP has no `crypto.randomUUID`.
export function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

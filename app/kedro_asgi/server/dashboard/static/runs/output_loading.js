// Loads an output, unless it is so large that a page would stand still.

import { getResponse } from "../api.js";
import { parseExactly } from "./exact_json.js";

const LARGE_BYTES = 3_000_000;

// Return `{content, bytes}`, or `{isTooLarge, bytes}` unless the `isWhole` output is wanted.
export async function loadOutput(segments, { isWhole, signal }) {
  const answer = await getResponse(segments, { signal });
  const announced = Number(answer.headers.get("content-length") ?? 0);
  if (announced > LARGE_BYTES && !isWhole) {
    await answer.body.cancel();
    return { isTooLarge: true, bytes: announced };
  }
  const text = await answer.text();
  return { content: parseExactly(text), bytes: announced || text.length };
}

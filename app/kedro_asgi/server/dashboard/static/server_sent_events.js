// Reads server-sent events from the body of an answer: unlike EventSource, a request can show the server a token.

// Yield `{event, id, data}` for each event that arrives, until the body ends.
export async function* readEvents(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop();
      yield* blocks.map(readBlock).filter(({ data }) => data !== "");
    }
  } finally {
    reader.cancel().catch(() => undefined);
  }
}

function readBlock(block) {
  const message = { event: "message", id: "", data: "" };
  for (const line of block.split("\n")) {
    const place = line.indexOf(": ");
    const field = line.slice(0, place);
    if (place > 0 && field in message) message[field] = line.slice(place + 2);
  }
  return message;
}

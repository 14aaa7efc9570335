"""Server-sent events, below the routes."""

import anyio
import pytest

from kedro_asgi.events import Published
from kedro_asgi.server.streams import EventStream

pytestmark = pytest.mark.anyio

EVENT = Published(run_id="r", sequence=1, position="1.1", body=b'{"event":"RunQueued"}')


async def test_silence_is_filled_with_comments_until_the_client_hangs_up() -> None:
    sent: list[bytes] = []
    hung_up = anyio.Event()

    async def groups():
        yield [EVENT, EVENT]
        await anyio.sleep_forever()

    async def receive():
        await hung_up.wait()
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message.get("body", b""))
        if sent.count(b": still here\n\n") == 2:
            hung_up.set()

    stream = EventStream(groups(), event_id=lambda event: event.position, keep_alive_seconds=0.02)
    with anyio.fail_after(5):
        await stream({"type": "http"}, receive, send)
    frame = b'id: 1.1\ndata: {"event":"RunQueued"}\n\n'
    assert sent[:3] == [b"", b"retry: 1000\n\n", frame + frame]
    assert sent[-1] == b""


async def test_head_is_answered_at_once() -> None:
    """Its connection is used again, which could not be while a stream goes on in it."""
    sent: list[dict[str, object]] = []
    begun = False

    async def groups():
        nonlocal begun
        begun = True
        yield [EVENT]
        await anyio.sleep_forever()

    async def send(message):
        sent.append(message)

    with anyio.fail_after(5):
        await EventStream(groups(), event_id=str)({"type": "http", "method": "HEAD"}, anyio.sleep_forever, send)
    assert (sent[0]["status"], sent[-1]["more_body"], begun) == (200, False, False)

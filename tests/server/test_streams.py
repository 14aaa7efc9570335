"""`EventStream`, without routes."""

import anyio
import msgspec
import pytest

from kedro_asgi.events import Published
from kedro_asgi.server.streams import EventStream, only

pytestmark = pytest.mark.anyio

EVENT = Published(run_id="r", sequence=1, position="1.1", body=b'{"event":"RunQueued"}')


async def test_a_silent_stream_sends_comments_until_the_client_disconnects() -> None:
    sent: list[bytes] = []
    disconnected = anyio.Event()

    async def groups():
        yield [EVENT, EVENT]
        await anyio.sleep_forever()

    async def receive():
        await disconnected.wait()
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message.get("body", b""))
        if sent.count(b": still here\n\n") == 2:
            disconnected.set()

    stream = EventStream(groups(), event_id=lambda event: event.position, keep_alive_seconds=0.02)
    with anyio.fail_after(60):
        await stream({"type": "http"}, receive, send)
    frame = b'id: 1.1\nevent: RunQueued\ndata: {"event":"RunQueued"}\n\n'
    assert sent[:3] == [b"", b"retry: 1000\n\n", frame + frame]
    assert sent[-1] == b""


async def test_a_client_gets_the_events_that_it_names_and_learns_of_lost_ones() -> None:
    bodies = [b'{"event":"NodeStarted"}', b'{"event":"RunEnded"}', b'{"event":"EventsLost"}']

    async def groups():
        yield [EVENT]
        yield [msgspec.structs.replace(EVENT, body=body) for body in bodies]

    assert [[event.body for event in kept] async for kept in only(groups(), {b"RunEnded"})] == [bodies[1:]]


async def test_head_is_answered_without_a_stream() -> None:
    """The client reuses the connection, so no stream may keep it busy."""
    sent: list[dict[str, object]] = []
    is_started = False

    async def groups():
        nonlocal is_started
        is_started = True
        yield [EVENT]
        await anyio.sleep_forever()

    async def send(message):
        sent.append(message)

    with anyio.fail_after(60):
        await EventStream(groups(), event_id=str)({"type": "http", "method": "HEAD"}, anyio.sleep_forever, send)
    assert (sent[0]["status"], sent[-1]["more_body"], is_started) == (200, False, False)

"""Clients without manners: they hang up, send half of what they announce, and do not read."""

from urllib.parse import urlsplit

import anyio
import msgspec

from soak.load.caller import Caller
from soak.orders import short_order

_JSON = "Content-Type: application/json"


async def hang_up_on_run(caller: Caller) -> None:
    """Send a run of ``/run`` and hang up."""
    order = short_order(caller.random, caller.ledger.next_number())
    caller.ledger.note_direct(order)
    body = {name: value for name, value in order.body.items() if name != "on_interrupt"}
    await _send(caller, _post(caller, "/run", msgspec.json.encode(body)), seconds=caller.random.uniform(0, 0.1))


async def hang_up_on_submission(caller: Caller) -> None:
    """Send a run of ``/runs`` and hang up: the server may promise it to nobody."""
    order = short_order(caller.random, caller.ledger.next_number())
    promise = caller.ledger.promise(order, f"gone-{caller.random.getrandbits(64):016x}")
    body = msgspec.json.encode({**order.body, "labels": order.labels})
    request = _post(caller, "/runs?wait=5", body, f"Idempotency-Key: {promise.key}")
    await _send(caller, request, seconds=caller.random.uniform(0, 0.1))


async def send_half_a_body(caller: Caller) -> None:
    """Announce a body, send half of it, and hang up or wait until the server does."""
    request = _post(caller, "/run", b'{"pipeline_names": ["double"], "params": {"number": 1}}')
    await _send(caller, request[:-20], seconds=caller.random.choice((0.0, 0.3, 8.0)))


async def send_half_a_head(caller: Caller) -> None:
    """Send the beginning of a request, and hang up."""
    await _send(caller, b"POST /runs HTTP/1.1\r\nHost: x\r\nContent-Le", seconds=caller.random.uniform(0, 1))


async def send_nonsense(caller: Caller) -> None:
    """Send bytes that are no request."""
    await _send(caller, caller.random.randbytes(300), seconds=0.2)


async def hang_up_on_events(caller: Caller) -> None:
    """Follow all events, and hang up in the middle."""
    await _send(caller, _get(caller, "/events"), seconds=caller.random.uniform(0, 2), reads=True)


async def read_slowly(caller: Caller) -> None:
    """Ask for something large, and read a few bytes at a time."""
    path = caller.random.choice(("/events", "/openapi.json", "/runs?limit=1000"))
    await _send(caller, _get(caller, path), seconds=caller.random.uniform(1, 6), reads=True, receive_bytes=64)


async def _send(
    caller: Caller, request: bytes, *, seconds: float, reads: bool = False, receive_bytes: int = 65536
) -> None:
    """Send bytes over a connection of its own, which is closed after some seconds."""
    address = urlsplit(caller.url)
    try:
        async with await anyio.connect_tcp(str(address.hostname), address.port or 80) as stream:
            await stream.send(request)
            with anyio.move_on_after(seconds):
                while reads:
                    await stream.receive(receive_bytes)
                    await anyio.sleep(0.02)
                await anyio.sleep(seconds)
    except (OSError, anyio.BrokenResourceError, anyio.EndOfStream) as error:
        caller.ledger.counts[f"rude, and cut off: {type(error).__name__}"] += 1


def _post(caller: Caller, path: str, body: bytes, *headers: str) -> bytes:
    head = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", _JSON, f"Content-Length: {len(body)}"]
    return "\r\n".join([*head, *headers, *_headers(caller), "", ""]).encode() + body


def _get(caller: Caller, path: str) -> bytes:
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: 127.0.0.1", *_headers(caller), "", ""]).encode()


def _headers(caller: Caller) -> list[str]:
    return [f"{name}: {value}" for name, value in caller.headers.items()]

"""Callers that have the chunks of a generator while its run goes on: to the end, slowly, or not to the end."""

import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import anyio
import httpx
import msgspec

from soak.ledger import Streamed
from soak.load.caller import LATER, Caller
from soak.load.direct import body_of, check_answer
from soak.orders import Order, chunk, endless_stream_order, stream_order

_EVENT_STREAM, _LINES = "text/event-stream", "application/x-ndjson"
# A connection whose buffer is small: what its client does not read, the server has to keep.
_NARROW = [(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)]


async def stream(caller: Caller) -> None:
    """Read the chunks of a run, and its answer."""
    order = stream_order(caller.random, caller.ledger.next_number(), parts=caller.random.choice((1, 4, 40)))
    await _Stream(caller, order).read(caller.http)


async def stream_slowly(caller: Caller) -> None:
    """Read more chunks than wait in the server, a moment after each."""
    order = stream_order(caller.random, caller.ledger.next_number(), parts=200)
    transport = httpx.AsyncHTTPTransport(socket_options=_NARROW)
    async with httpx.AsyncClient(
        base_url=caller.url, headers=caller.headers, transport=transport, timeout=caller.http.timeout
    ) as client:
        await _Stream(caller, order).read(client, pause_seconds=0.02)


async def hang_up_on_stream(caller: Caller) -> None:
    """Hang up after some chunks: the run goes on."""
    order = stream_order(caller.random, caller.ledger.next_number(), parts=40)
    await _Stream(caller, order).read(caller.http, at_most=caller.random.randint(0, 20))


async def hang_up_on_endless_stream(caller: Caller) -> None:
    """Hang up on a run that would never end, and that the server is to cancel then."""
    order = endless_stream_order(caller.random, caller.ledger.next_number())
    await _Stream(caller, order).read(caller.http, at_most=caller.random.randint(0, 20), query="?on_hang_up=cancel")


class _Stream:
    """One streamed run: what its caller has seen of it, in the order that the server promises."""

    def __init__(self, caller: Caller, order: Order) -> None:
        self._caller = caller
        self._order = order
        self._chunks = 0
        self._streamed = Streamed(order=order, began_at=datetime.now(UTC))
        self._run_id: str | None = None
        self._last: str | None = None

    async def read(
        self, client: httpx.AsyncClient, *, at_most: int | None = None, pause_seconds: float = 0.0, query: str = ""
    ) -> None:
        """Read until the end, or hang up after ``at_most`` chunks; note what is wrong."""
        self._caller.ledger.note_direct(self._order)
        try:
            has_hung_up = await self._read(client, at_most, pause_seconds, query)
        except httpx.TransportError as error:
            self._caller.ledger.counts[f"lost: {type(error).__name__}"] += 1
            has_hung_up = False
        self._streamed.ended_at = datetime.now(UTC)
        if self._run_id is not None and self._last is None and not has_hung_up:
            self._judge_unless_excused("a stream broke off")

    async def _read(self, client: httpx.AsyncClient, at_most: int | None, pause_seconds: float, query: str) -> bool:
        """Return whether the caller has hung up."""
        path, body, form = self._request()
        async with client.stream("POST", path + query, json=body, headers={"Accept": form}) as response:
            if response.status_code != 200 or form not in response.headers["content-type"]:
                await self._refused(response)
                return False
            async for event in _events(response, form):
                self._see(event)
                if at_most is not None and self._run_id is not None and self._chunks >= at_most and not self._last:
                    self._streamed.is_cancelled = bool(query)
                    return True
                await anyio.sleep(pause_seconds)
        return False

    def _request(self) -> tuple[str, dict[str, Any], str]:
        body, random = body_of(self._order), self._caller.random
        form = random.choice((_EVENT_STREAM, _LINES))
        if random.random() < 0.5:
            return "/run", body, form
        del body["pipeline_names"]
        return f"/pipelines/{self._order.pipeline}/run", body, form

    async def _refused(self, response: httpx.Response) -> None:
        self._caller.ledger.counts[f"refused: {response.status_code}"] += 1
        if response.status_code not in LATER:
            self._fault(f"answered {response.status_code} {(await response.aread())[:400]!r}")

    def _see(self, event: dict[str, Any]) -> None:
        match event:
            case {"event": "accepted", "run_id": str(run_id)} if self._run_id is None:
                self._run_id = run_id
                self._caller.ledger.streamed[run_id] = self._streamed
            case {"event": "chunk", "output": "answer", "value": value} if self._is_open:
                if value != chunk(self._order.number, self._chunks):
                    self._fault(f"chunk {self._chunks} is {str(value)[:200]}")
                self._chunks += 1
            case {"event": "answer", "answer": answer} if self._is_open:
                self._last = "answer"
                self._check(answer)
            case {"event": "problem"} if self._is_open:
                self._last = "problem"
                self._judge_unless_excused("a stream ended with a problem")
            case {"event": "heartbeat"}:
                pass
            case _:
                self._fault(f"an event that was not due: {str(event)[:200]}")

    @property
    def _is_open(self) -> bool:
        return self._run_id is not None and self._last is None

    def _check(self, answer: dict[str, Any]) -> None:
        """A run that reached its end has given all chunks, also if it failed behind the last one."""
        began_at = self._streamed.began_at
        check_answer(self._caller, self._order, 200, answer, began_at)
        is_through = answer.get("status") == "success" or "boom" in str(answer)
        if is_through and self._chunks != self._order.answer_size:
            self._fault(f"{self._chunks} of {self._order.answer_size} chunks came before the answer")

    def _judge_unless_excused(self, what: str) -> None:
        self._caller.ledger.counts[what] += 1
        began_at, now = self._streamed.began_at, datetime.now(UTC)
        if not self._caller.ledger.is_excused(what, began_at=began_at, ended_at=now):
            self._fault(f"{what}, after {self._chunks} chunks")

    def _fault(self, text: str) -> None:
        self._caller.ledger.fault(f"order {self._order.number} of {self._order.pipeline}: run {self._run_id}: {text}")


async def _events(response: httpx.Response, form: str) -> AsyncIterator[dict[str, Any]]:
    """Yield the events of a stream; a last line that was cut off is none."""
    prefix = "data: " if form == _EVENT_STREAM else ""
    async for line in response.aiter_lines():
        if line.startswith(prefix) and line:
            yield msgspec.json.decode(line.removeprefix(prefix))

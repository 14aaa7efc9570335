"""A receiver of webhooks: a real server on the loopback address, whose paths answer in different ways."""

import base64
import json
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import anyio
import anyio.lowlevel
import uvicorn
from standardwebhooks import Webhook as StandardWebhook
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from serving import free_port

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
OTHER_SECRET = "whsec_" + base64.b64encode(b"o" * 32).decode()


class Delivery:
    """The parts of one request that arrived."""

    def __init__(self, path: str, headers: Mapping[str, str], body: bytes) -> None:
        self.path, self.headers, self.body = path, headers, body
        self.id = headers["webhook-id"]

    @property
    def document(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    def verified(self, secret: str = SECRET) -> dict[str, Any]:
        """Check the signature as a receiver does that knows nothing of us; return the body."""
        found: dict[str, Any] = StandardWebhook(secret).verify(self.body.decode(), dict(self.headers))
        return found


class Receiver:
    """``/ok`` answers 204, ``/500`` any such status, ``/busy`` asks to wait, ``/hang`` never answers, and so on.

    ``status`` is the answer of ``/ok``, 0 for none. ``most_at_once`` counts the requests of ``/slow`` that went on at a
    time.
    """

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.deliveries: list[Delivery] = []
        self.status = 204
        self.most_at_once = 0
        self._at_once = 0

    def at(self, path: str) -> list[Delivery]:
        return [found for found in list(self.deliveries) if found.path == path]

    async def receive(self, request: Request) -> Response:
        path = request.url.path
        self.deliveries.append(Delivery(path, dict(request.headers), await request.body()))
        return await self._answer(path)

    async def _answer(self, path: str) -> Response:
        match path:
            case "/ok":
                if not self.status:
                    await anyio.sleep_forever()
                return Response(status_code=self.status)
            case "/busy":
                return Response(status_code=429, headers={"retry-after": "1000"})
            case "/redirect":
                return RedirectResponse(f"{self.url}/ok", status_code=307)
            case "/huge":
                return StreamingResponse(_endless(), status_code=500)
            case "/drip":
                return StreamingResponse(_slow())
            case "/slow":
                self._at_once += 1
                self.most_at_once = max(self.most_at_once, self._at_once)
                await anyio.sleep(0.02)
                self._at_once -= 1
                return Response()
            case "/hang":
                await anyio.sleep_forever()
        return Response(status_code=int(path.removeprefix("/")))

    @contextmanager
    def serving(self) -> Iterator["Receiver"]:
        """Serve in a thread while this block lasts; later blocks use the same port."""
        app = Starlette(routes=[Route("/{path:path}", self.receive, methods=["GET", "POST"])])
        config = uvicorn.Config(app, port=self.port, log_level="critical", timeout_graceful_shutdown=0, lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started:
            assert thread.is_alive()
        yield self
        server.should_exit = server.force_exit = True
        thread.join()


async def _endless() -> AsyncIterator[bytes]:
    while True:
        yield b"x" * 65_536
        # Else a client that has gone is never noticed.
        await anyio.lowlevel.checkpoint()


async def _slow() -> AsyncIterator[bytes]:
    yield b"x"
    await anyio.sleep_forever()

"""``GET /metrics``: what all workers of a server have counted, for Prometheus."""

import logging
import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import count
from pathlib import Path

import anyio
import anyio.to_thread
import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kedro_asgi.dispatch import Worker
from kedro_asgi.metrics.families import PREFIX, Family
from kedro_asgi.metrics.snapshots import Snapshot, WorkerSnapshot
from kedro_asgi.metrics.worker_folder import WorkerFolder
from kedro_asgi.server.http_metrics import IN_PROGRESS, HttpMetrics

_log = logging.getLogger(__name__)

# How old the counts of other workers may be.
_PUBLISH_SECONDS = 1.0
_NOT_SHARED = "The workers cannot share what they count: %s"


class MetricsRoute:
    """The metrics of one worker, and of the others that share its folder; without a folder, of this one alone.

    Belongs to one event loop. A worker shows its counts to the others each second and before each answer of its own, so
    no later answer of another worker has less. The event loop only copies the counts; threads do the rest.
    """

    def __init__(self, runs: Worker, http: HttpMetrics, folder: str | None) -> None:
        self._runs = runs
        self._http = http
        self._families: Sequence[Family] = (*runs.metrics.families, *http.families)
        self._folder = None if folder is None else WorkerFolder(Path(folder))
        self._sequence = count()

    def table(self) -> list[Route]:
        """Return the route."""
        return [Route("/metrics", self.metrics, methods=["GET"])]

    async def metrics(self, request: Request) -> Response:
        """Return counters, gauges and histograms as the text that the request accepts."""
        accept, sequence = request.headers.get("accept", ""), next(self._sequence)
        return await _answer(partial(_render, self._families, self._copied(), self._folder, sequence, accept))

    async def publish(self) -> None:
        """Show the counts to the other workers; a folder that takes none is named in the log."""
        if self._folder is not None:
            try:
                await self._publish(self._folder, self._copied())
            except OSError as error:
                _log.warning(_NOT_SHARED, error)

    async def publish_forever(self) -> None:
        """Show the counts to the other workers again and again, while they change."""
        shown, is_failing = b"", False
        while self._folder is not None:
            if (copied := self._copied()) != shown:
                try:
                    await self._publish(self._folder, copied)
                    shown, is_failing = copied, False
                except OSError as error:
                    if not is_failing:
                        _log.warning(_NOT_SHARED, error)
                    is_failing = True
            await anyio.sleep(_PUBLISH_SECONDS)

    async def _publish(self, folder: WorkerFolder, copied: bytes) -> None:
        sequence = next(self._sequence)
        await anyio.to_thread.run_sync(lambda: folder.publish(_snapshot(copied), sequence=sequence))

    def _copied(self) -> bytes:
        """Return what is counted by now. To encode it takes about 20 µs, and is the fastest way to copy it."""
        gauges = {f"{PREFIX}{name}": value for name, value in self._runs.gauges().items()}
        gauges[IN_PROGRESS.name] = self._http.in_progress
        requests = self._http.request_seconds
        totals = {**self._runs.metrics.totals(), requests.family.name: requests.series}
        return msgspec.msgpack.encode(Snapshot(totals=totals, gauges=gauges))


class FolderMetricsRoute:
    """The metrics of the workers that share a folder, for a process or thread that counts nothing itself."""

    def __init__(self, families: Sequence[Family], folder: str) -> None:
        self._families = families
        self._folder = WorkerFolder(Path(folder))

    def table(self) -> list[Route]:
        """Return the route."""
        return [Route("/metrics", self.metrics, methods=["GET"])]

    async def metrics(self, request: Request) -> Response:
        """Return what the workers have published, as the text that the request accepts."""
        accept = request.headers.get("accept", "")
        return await _answer(partial(_render_folder, self._families, self._folder, accept))


async def _answer(render: Callable[[], tuple[bytes, str]]) -> Response:
    try:
        content, media_type = await anyio.to_thread.run_sync(render)
    except OSError as error:
        raise HTTPException(503, f"The workers cannot share what they count: {error}") from error
    return Response(content, headers={"Content-Type": media_type})


def _snapshot(copied: bytes) -> Snapshot:
    found = msgspec.msgpack.decode(copied, type=Snapshot)
    return msgspec.structs.replace(found, cpu_seconds=time.process_time())


def _render(
    families: Sequence[Family], copied: bytes, folder: WorkerFolder | None, sequence: int, accept: str
) -> tuple[bytes, str]:
    # Imports the library with the first scrape, in this thread.
    from kedro_asgi.metrics.exposition import render

    snapshot = _snapshot(copied)
    if folder is None:
        return render(families, [WorkerSnapshot(worker="0", pid=os.getpid(), snapshot=snapshot)], accept=accept)
    folder.publish(snapshot, sequence=sequence)
    return render(families, folder.read(), accept=accept)


def _render_folder(families: Sequence[Family], folder: WorkerFolder, accept: str) -> tuple[bytes, str]:
    # Imports the library with the first scrape, in this thread.
    from kedro_asgi.metrics.exposition import render

    return render(families, folder.read(), accept=accept)

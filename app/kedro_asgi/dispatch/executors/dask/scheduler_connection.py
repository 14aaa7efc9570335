"""The connection of a server with the scheduler of a Dask cluster."""

import asyncio
import itertools
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from distributed import Client

from kedro_asgi.dispatch.safe_logging import SafeLogger

_log = SafeLogger(__name__)

_CONNECT_SECONDS = 3.0
_FIRST_PAUSE_SECONDS = 0.25
_LONGEST_PAUSE_SECONDS = 5.0
_LOOK_SECONDS = 0.25
# After that time the scheduler has noticed, too, or the worker is heard again.
_SILENT_SECONDS = 600.0
# One of this number of looks asks the scheduler for its workers.
_LOOKS_PER_COUNT = 4


class SchedulerConnection:
    """Connects with the scheduler, again and again; belongs to the event loop that talks to the cluster.

    ``find_scheduler`` returns the address; it may take long, and may raise. ``topic`` names what workers tell this
    server by the scheduler, which ``told`` gets.
    """

    def __init__(
        self, find_scheduler: Callable[[], str], *, topic: str, told: Callable[[tuple[float, Any]], None]
    ) -> None:
        self._find_scheduler = find_scheduler
        self._topic = topic
        self._told = told
        self._closing = asyncio.Event()
        self._connected = asyncio.Event()
        self._client: Any = None
        self._silent_workers: dict[str, float] = {}
        self.threads_of_workers: Mapping[str, int] = {}
        self.has_tried = False
        """Whether the cluster was ready once, or could not be reached."""
        self.problem: str | None = "The server is connecting to the Dask scheduler."
        """Why no run can begin now, if so."""

    @property
    def is_up(self) -> bool:
        """Whether the scheduler is there."""
        return self._client is not None

    @property
    def connection_args(self) -> dict[str, Any]:
        """How to connect with the workers of the cluster."""
        return {} if self._client is None else dict(self._client.connection_args)

    async def client(self) -> Any:
        """Return Dask's client, when it is connected."""
        while self._client is None:
            await self._connected.wait()
        return self._client

    def note_silent(self, worker: str) -> None:
        """This server does not hear a worker, which the scheduler may still take for alive, and choose."""
        self._silent_workers[worker] = time.monotonic()

    def note_heard(self, worker: str) -> None:
        """A worker is alive."""
        self._silent_workers.pop(worker, None)

    @property
    def has_silent_workers(self) -> bool:
        """Whether the scheduler may choose a worker that executes nothing."""
        oldest = time.monotonic() - _SILENT_SECONDS
        known = self.threads_of_workers
        self._silent_workers = {name: at for name, at in self._silent_workers.items() if at > oldest and name in known}
        return bool(self._silent_workers)

    @property
    def audible_workers(self) -> list[str] | None:
        """The workers among which the scheduler is to choose; ``None``: any."""
        if not self.has_silent_workers:
            return None
        return [worker for worker in self.threads_of_workers if worker not in self._silent_workers] or None

    def close(self) -> None:
        """Leave the cluster."""
        self._closing.set()

    async def serve(self) -> None:
        """Stay connected until `close`; raises nothing."""
        pause_seconds = _FIRST_PAUSE_SECONDS
        while not self._closing.is_set():
            try:
                address = await asyncio.to_thread(self._find_scheduler)
                await self._stay_connected(address)
                pause_seconds = _FIRST_PAUSE_SECONDS
            except Exception as error:  # also what Dask raises for an address or a certificate
                self._note_problem(f"The Dask scheduler cannot be reached: {error}")
                pause_seconds = min(2 * pause_seconds, _LONGEST_PAUSE_SECONDS)
            await self._pause(pause_seconds)

    async def _stay_connected(self, address: str) -> None:
        make_client: Any = Client
        client = await make_client(
            address,
            asynchronous=True,
            set_as_default=False,
            direct_to_workers=True,
            name="kedro-asgi",
            timeout=_CONNECT_SECONDS,
        )
        try:
            client.subscribe_topic(self._topic, self._told)
            self._client = client
            self._connected.set()
            _log.info("Connected to the Dask scheduler %s", address)
            await self._watch(client)
        finally:
            self._client, self.threads_of_workers = None, {}
            self._connected.clear()
            # Whatever a client raises that has lost its scheduler, and logs with a traceback; the problem says it all.
            with suppress(Exception), _client_silenced():
                await asyncio.wait_for(client.close(), _CONNECT_SECONDS)
        if not self._closing.is_set():
            self._note_problem(f"The Dask scheduler {address} is gone.")

    async def _watch(self, client: Any) -> None:
        """Count the workers until the scheduler is gone, or the server leaves."""
        for look in itertools.count():
            if look % _LOOKS_PER_COUNT == 0 or not self.threads_of_workers:
                with suppress(OSError):
                    self.threads_of_workers = dict(await client.nthreads())
                self.problem = None if self.threads_of_workers else "The Dask cluster has no workers."
                self.has_tried = self.has_tried or self.problem is None
            await self._pause(_LOOK_SECONDS)
            if self._closing.is_set() or client.status != "running":
                return

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), seconds)

    def _note_problem(self, problem: str) -> None:
        if problem != self.problem:
            _log.error("%s", problem)
        self.problem, self.has_tried = problem, True


@contextmanager
def _client_silenced() -> Iterator[None]:
    logger = logging.getLogger("distributed.client")
    logger.addFilter(_drop)
    try:
        yield
    finally:
        logger.removeFilter(_drop)


def _drop(record: logging.LogRecord) -> bool:
    return False

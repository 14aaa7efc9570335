"""The faults around the server: kills, pauses, restarts, and a database that stops."""

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import cast

import anyio
import anyio.to_thread

from soak.ledger import DisturbanceKind, Ledger
from soak.postgres import PostgresServer
from soak.processes import Role
from soak.server import SoakedServer, wait_until

Act = Callable[[], None]


class Chaos:
    """Disturbs one server. After each disturbance it waits until the server is ready again."""

    def __init__(
        self, server: SoakedServer, ledger: Ledger, random: Random, *, database: PostgresServer | None
    ) -> None:
        self._server = server
        self._ledger = ledger
        self._random = random
        self._database = database
        self._acts: list[tuple[int, DisturbanceKind, Act]] = [
            (4, "run process killed", lambda: self._signal("run process", signal.SIGKILL)),
            (4, "worker killed", lambda: self._signal("worker", signal.SIGKILL)),
            (3, "process paused", self._pause),
            (2, "server killed", self._kill_server),
            (2, "supervisor killed", self._kill_supervisor),
            (2, "server terminated", self._terminate),
            (2, "workers replaced", self._replace_workers),
        ]
        if database is not None:
            self._acts += [
                (3, "database stopped", lambda: self._without(database, database.stop)),
                (3, "database killed", lambda: self._without(database, database.kill)),
                (2, "server killed", lambda: self._start_without(database)),
            ]

    async def disturb_until(self, stop: anyio.Event, *, pause_seconds: tuple[float, float]) -> None:
        """Do one thing after another, with pauses of a random length between them."""
        while not stop.is_set():
            with anyio.move_on_after(self._random.uniform(*pause_seconds)):
                await stop.wait()
                return
            weights, kinds, acts = zip(*self._acts, strict=True)
            (index,) = self._random.choices(range(len(acts)), weights=weights)
            self._ledger.counts[f"chaos: {kinds[index]}"] += 1
            with self._ledger.disturbed(kinds[index]):
                await anyio.to_thread.run_sync(self._perform, acts[index])

    def _perform(self, act: Act) -> None:
        act()
        self._server.wait_until_ready()

    def _chosen(self, role: Role) -> int | None:
        pids = self._server.pids(role)
        return self._random.choice(pids) if pids else None

    def _signal(self, role: Role, number: int) -> None:
        pid = self._chosen(role)
        if pid is not None:
            # It may have ended by itself by now.
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def _pause(self) -> None:
        roles = cast("list[Role]", ["worker", "run process", "supervisor"])
        pid = self._chosen(self._random.choice(roles))
        seconds = self._random.uniform(0.2, 4)
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
                anyio.from_thread.run(anyio.sleep, seconds)
                os.kill(pid, signal.SIGCONT)

    def _kill_server(self) -> None:
        self._server.kill()
        self._server.start()

    def _kill_supervisor(self) -> None:
        self._server.kill_supervisor()
        self._server.start()

    def _terminate(self) -> None:
        code = self._server.terminate()
        if code != 0:
            self._ledger.fault(f"after SIGTERM, the server ended with {code}")
        self._server.start()

    def _replace_workers(self) -> None:
        """Replace the workers, and wait until the last old one has ended: until then it still cancels runs."""
        old = set(self._server.pids("worker"))
        self._server.send(signal.SIGHUP)
        wait_until(lambda: old.isdisjoint(self._server.pids("worker")), what="the workers are replaced")

    def _without(self, database: PostgresServer, end: Act) -> None:
        end()
        anyio.from_thread.run(anyio.sleep, self._random.uniform(0, 5))
        database.start()

    def _start_without(self, database: PostgresServer) -> None:
        """Kill both, and start the server first."""
        database.kill()
        self._server.kill()
        self._server.spawn()
        anyio.from_thread.run(anyio.sleep, self._random.uniform(0, 5))
        database.start()

"""A PostgreSQL database with its store of runs: one transaction writes at a time."""

import random
from collections.abc import Sequence

import msgspec
import simpy

from fleet.costs import Costs, GroupCost, StatementCost
from fleet.deployment import LOCKED_ROUND_TRIPS, Deployment
from fleet.machine import Interpreter, Machine, Place, Steps, Thread

_US = 1e-6


class Database:
    """The store that some servers share."""

    def __init__(
        self, env: simpy.Environment, costs: Costs, deployment: Deployment, machine: Machine, source: random.Random
    ) -> None:
        self._env = env
        self._costs = costs
        self._deployment = deployment
        self._machine = machine
        self._random = source
        self._write_lock = simpy.Resource(env, capacity=1)
        self.interpreters: Sequence[Interpreter] = ()
        self.locked_seconds = 0.0
        self.writing_seconds = 0.0
        self.transactions = 0
        self.rows = 0
        self.wal_bytes = 0.0

    def write(self, interpreter: Interpreter, writer: Thread, rows: Sequence[GroupCost]) -> Steps:
        """Write runs in one transaction, from a thread of a server."""
        fixed = max((row.fixed for row in rows), key=lambda cost: cost.wall_us)
        begun = self._env.now
        way_us = self._deployment.network_us / 2
        # PostgreSQL has the lock from the first statement, which the server has prepared by then, to the commit. The
        # server reads the results later. How much of its part is before was not measured: half of it, here.
        yield from writer.work(fixed.client_us / 2)
        yield self._env.timeout(way_us * _US)
        with self._write_lock.request() as turn:
            yield turn
            locked = self._env.now
            yield from self._exchange(writer, self._locked_part(fixed), trips=LOCKED_ROUND_TRIPS)
            for start in range(0, len(rows), self._deployment.statements_a_step):
                yield from self._exchange_rows(writer, rows[start : start + self._deployment.statements_a_step])
            self.locked_seconds += self._env.now - locked
        yield self._env.timeout(way_us * _US)
        yield from writer.work(fixed.client_us / 2)
        self.writing_seconds += self._env.now - begun
        self.transactions += 1
        self.rows += len(rows)
        self.wal_bytes += fixed.wal_bytes + sum(row.row.wal_bytes for row in rows)
        if self._deployment.is_notified:
            self._env.process(self._notify())
            if self._deployment.is_one_machine:
                # Elsewhere, servers have time for it, and a thousand of them would take the simulation too long.
                for other in self.interpreters:
                    if other is not interpreter:
                        self._env.process(other.thread().work(self._costs.server.wake_us))

    def _locked_part(self, fixed: StatementCost) -> StatementCost:
        """Return what of a transaction's cost is under the lock; its commit waits for the disk, sometimes long."""
        waits = self._costs.postgres.waits_us
        wait_us = self._random.choice(waits) if waits else fixed.wait_us
        return msgspec.structs.replace(fixed, client_us=0.0, wait_us=wait_us)

    def _exchange_rows(self, writer: Thread, rows: Sequence[GroupCost]) -> Steps:
        cost = StatementCost(
            client_us=sum(row.row.client_us for row in rows),
            database_us=sum(row.row.database_us for row in rows),
            wait_us=sum(row.row.wait_us for row in rows),
        )
        yield from self._exchange(writer, cost, trips=0)

    def _exchange(self, writer: Thread, cost: StatementCost, *, trips: int) -> Steps:
        """Send statements and wait for their results."""
        if cost.client_us:
            yield from writer.work(cost.client_us)
        yield from self._machine.work(cost.database_us, writer.backend)
        yield self._env.timeout((cost.wait_us + trips * self._deployment.network_us) * _US)

    def _notify(self) -> Steps:
        """Wake the connections of all servers, a few at a time on each core."""
        notify, servers = self._costs.notify, self._deployment.servers
        yield from self._machine.work(notify.fixed_us, Place())
        for _ in range(-(-servers // 32)):
            yield from self._machine.work(min(servers, 32) * notify.listener_us, Place())

"""One leg of the soak: a server on one store, first disturbed, then calm, then judged.

A process that is killed every few seconds cannot show that it leaks. So the second part has the same load, and leaves
the processes alone.
"""

import shutil
import tempfile
import uuid
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import anyio
import anyio.to_thread
import msgspec

from soak.chaos import Chaos
from soak.checks.batches import check_batching
from soak.checks.leftovers import check_leftovers
from soak.checks.notifications import check_deliveries, settle_notifications
from soak.checks.outcomes import (
    Record,
    check_executions,
    check_keys,
    check_outcomes,
    check_outputs,
    read_all,
)
from soak.checks.schedules import check_tick_executions, check_ticks, pause_schedule
from soak.checks.store import check_event_streams, check_store
from soak.checks.streams import check_streams
from soak.ledger import Ledger
from soak.load.caller import Caller, UnexpectedAnswerError
from soak.load.mix import call_until
from soak.postgres import PostgresServer
from soak.project import write_soaked_project
from soak.receiver import Receiver
from soak.report import LegReport
from soak.server import SoakedServer, wait_until
from soak.watch import Watch, zombies

_DISTURBED_PART = 0.6


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How a leg goes: its store, its length, and the seed of all decisions; with a ``token``, callers need it."""

    store: str
    seed: int
    minutes: float
    token: str | None
    callers: int = 8
    pause_seconds: tuple[float, float] = (1.0, 6.0)
    keeps_folder: bool = False


async def soak(plan: Plan) -> LegReport:
    """Run a leg, and judge it."""
    folder = Path(tempfile.mkdtemp(prefix=f"soak-{plan.store}-"))
    database = PostgresServer() if plan.store == "postgresql" else None
    receiver = Receiver(Random(f"{plan.seed} {plan.store} receiver"))
    project = write_soaked_project(folder, receiver_url=receiver.url)
    store = str(folder / "store" / "runs.db") if database is None else database.url
    server = SoakedServer(project, store=store, mark=uuid.uuid4().hex, token=plan.token)
    ledger = Ledger()
    with receiver.listening():
        try:
            if database is not None:
                await anyio.to_thread.run_sync(database.start)
            await anyio.to_thread.run_sync(server.start)
            report = await _judged(plan, server, ledger, database, receiver, store)
        finally:
            server.kill()
            if database is not None:
                database.close()
    if report.is_good and not plan.keeps_folder:
        shutil.rmtree(folder)
    else:
        print(f"The log and the store are in {folder}.", flush=True)
    return report


async def _judged(
    plan: Plan,
    server: SoakedServer,
    ledger: Ledger,
    database: PostgresServer | None,
    receiver: Receiver,
    store: str,
) -> LegReport:
    watch = Watch(server)
    chaos = Chaos(server, ledger, Random(f"{plan.seed} {plan.store} chaos"), database=database)
    stop = anyio.Event()
    async with anyio.create_task_group() as callers:
        for number in range(plan.callers):
            random = Random(f"{plan.seed} {plan.store} caller {number}")
            callers.start_soon(call_until, stop, Caller(server.url, ledger, random, token=plan.token))
        disturb = partial(chaos.disturb_until, pause_seconds=plan.pause_seconds)
        await _for_seconds(plan.minutes * 60 * _DISTURBED_PART, disturb)
        await _for_seconds(plan.minutes * 60 * (1 - _DISTURBED_PART), watch.sample_until)
        stop.set()
    growths = watch.growths()
    for growth in growths:
        if not growth.is_flat:
            ledger.fault(f"{growth.what} of {growth.role} grows: {growth.growth:.0f}, allowed {growth.allowed:.0f}")
    statuses = await _judge(plan, server, ledger, receiver, store)
    return LegReport(
        store=plan.store,
        seed=plan.seed,
        minutes=plan.minutes,
        records=statuses.total(),
        statuses={f"runs: {status}": count for status, count in statuses.items()},
        counts=dict(ledger.counts),
        growths=tuple(growths),
        faults=tuple(ledger.faults),
    )


async def _for_seconds(seconds: float, work: Callable[[anyio.Event], Coroutine[Any, Any, None]]) -> None:
    """Let ``work(stop)`` go on for some time, and wait until it has ended."""
    stop = anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(work, stop)
        await anyio.sleep(seconds)
        stop.set()


async def _judge(plan: Plan, server: SoakedServer, ledger: Ledger, receiver: Receiver, store: str) -> Counter[str]:
    """Note all faults, end the server, and return how the runs ended."""
    records: dict[str, Record] = {}
    problems: list[str] = []
    random = Random(f"{plan.seed} {plan.store} judge")
    async with aclosing(Caller(server.url, ledger, random, token=plan.token)) as caller:
        try:
            paused_at = await pause_schedule(caller)
            records = await read_all(caller)
            problems += await _problems_of_answers(caller, records)
            await settle_notifications(caller)
            journal = server.log.parent / "journal"
            problems += [*check_outcomes(ledger, records), *check_executions(ledger, records, journal)]
            problems += check_ticks(ledger, records, paused_at=paused_at)
            problems += check_tick_executions(records, journal)
            problems += [*check_streams(ledger, records), *check_deliveries(ledger, records, receiver.deliveries())]
        except UnexpectedAnswerError as error:
            problems.append(str(error))
    await anyio.to_thread.run_sync(_end, server, ledger)
    problems += await anyio.to_thread.run_sync(check_store, store)
    problems += await anyio.to_thread.run_sync(partial(check_leftovers, server, ledger, store=store))
    for problem in problems:
        ledger.fault(problem)
    return Counter(record["status"] for record in records.values())


async def _problems_of_answers(caller: Caller, records: dict[str, Record]) -> list[str]:
    """Return what the server answers wrongly now that all runs have ended."""
    problems = await check_outputs(caller, records)
    problems += await check_event_streams(caller, list(records))
    problems += await check_keys(caller)
    problems += await check_batching(caller)
    return problems


def _end(server: SoakedServer, ledger: Ledger) -> None:
    """End the server when none of its processes is a zombie; start another, which removes what killed ones left."""
    wait_until(lambda: not zombies(server), what="no process is a zombie")
    codes = [server.terminate()]
    server.start()
    codes.append(server.terminate())
    if any(codes):
        ledger.fault(f"at the end, the servers ended with {codes}")

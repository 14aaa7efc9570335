"""Measures what a run and a follower cost a server, by the CPU time of its threads while it serves a load."""

import asyncio
import re
import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import psycopg
from load import Load, Sent, request, run_async, send, send_checked, stream
from open_load import OpenLoad, send_open
from postgres_server import RunningPostgres
from servers import Process, ours

from fleet.costs import FollowerCosts, ServerCosts, StoreCosts

# The answer comes when the run has ended.
RUN_AND_WAIT = request("POST", "/runs?wait=60", {"params": {"a": 10}})
_CALLERS, _FEW, _MANY = 4, 2, 24
# So few requests at random times that most of them wake a server that has nothing to do.
_ALONE_PER_SECOND = 200.0
_FOLLOWERS = 100
_EVENT = b"data: "
_PARTS = ("loop", "run", "writer", "database")


def measure_server(project: Path, postgres: RunningPostgres, url: str, store: StoreCosts, *, runs: int) -> ServerCosts:
    """Return the costs of a run beside those of its transactions, which ``store`` has: few callers, and many."""
    environ = {"KEDRO_SERVER_STORE": url, "KEDRO_SERVER_MAX_CONCURRENT_RUNS": "64"}
    collections = project / "collections"
    measured = ours("threads", project, BENCHMARK_COLLECTIONS=str(collections), **environ)
    with measured.running() as process, ours("woken", project, **environ).running() as other:
        _run(process, 50)
        _run(other, 50)
        # Those of its start are not the runs'.
        collections.unlink(missing_ok=True)
        measurement = ServerMeasurement(postgres, process, beside=(process, other), collections=collections)
        measurement.measure(runs)
        return measurement.costs(store)


class ServerMeasurement:
    """Measures what runs cost a server, as often as it is asked to.

    Of the two servers ``beside`` each other over one database, the first one wakes the second one. ``collections`` is
    the file in which ``process`` notes its collections of garbage.
    """

    def __init__(
        self, postgres: RunningPostgres, process: Process, *, beside: tuple[Process, Process], collections: Path
    ) -> None:
        self._postgres = postgres
        self._process = process
        self._beside = beside
        self._collections = collections
        self._runs = 0
        self._sums: dict[int, Counter[str]] = {callers: Counter() for callers in (_FEW, _MANY)}
        self._alone: Counter[str] = Counter()
        self._woken: Counter[str] = Counter()

    def measure(self, runs: int) -> None:
        """Run so many, for few callers, for many, at random times, and again beside another server."""
        for callers, sums in self._sums.items():
            sums.update(self._measured(partial(_run, self._process, runs, callers=callers)))
        self._alone.update(self._measured(partial(_run_alone, self._process, runs)))
        self._woken.update(self._wakes(runs))

    def costs(self, store: StoreCosts) -> ServerCosts:
        """Return the costs by all that was measured, without those of the transactions' driver."""
        few, many = (_each(self._sums[callers], store) for callers in (_FEW, _MANY))
        alone = _each(self._alone, store)
        lines = {name: _line(few["transactions"], few[name], many["transactions"], many[name]) for name in _PARTS}
        loop_us, loop_transaction_us = lines["loop"]
        return ServerCosts(
            load_us=many["load"],
            loop_alone_us=max(alone["loop"] - loop_us - alone["transactions"] * loop_transaction_us, 0.0),
            load_alone_us=max(alone["load"] - many["load"], 0.0),
            **self._collection_costs(),
            wake_us=self._woken["cpu"] / max(self._woken["transactions"], 1),
            **{f"{name}_us": each for name, (each, _) in lines.items()},
            **{f"{name}_transaction_us": added for name, (_, added) in lines.items()},
        )

    def _measured(self, load: Callable[[], Sent]) -> dict[str, float]:
        """Return the CPU time of all runs by threads, in microseconds, and how many transactions there were."""
        process = self._process
        transactions, before, database = store_writes(process)[0], process.cpu_seconds(), self._postgres.cpu_seconds()
        sent = load()
        after, database = process.cpu_seconds(), self._postgres.cpu_seconds() - database
        self._runs += len(sent.times)
        return {
            "runs": len(sent.times),
            "transactions": store_writes(process)[0] - transactions,
            "database": database * 1e6,
            "load": sent.cpu_seconds * 1e6,
            **{role: (after[role] - before[role]) * 1e6 for role in after},
        }

    def count(self, runs: int) -> None:
        """Count runs that others had the server execute meanwhile."""
        self._runs += runs

    def _collection_costs(self) -> dict[str, float]:
        file = self._collections
        seconds = [float(line) for line in file.read_text().split()] if file.exists() else []
        if not seconds:
            return {}
        return {"collection_us": statistics.median(seconds) * 1e6, "collection_runs": self._runs / len(seconds)}

    def _wakes(self, runs: int) -> dict[str, float]:
        """Return what transactions of a server cost another one that has nothing to do."""
        process, other = self._beside
        transactions, before = store_writes(process)[0], sum(other.cpu_seconds().values())
        _run(process, runs)
        cpu_seconds = sum(other.cpu_seconds().values()) - before
        return {"cpu": cpu_seconds * 1e6, "transactions": store_writes(process)[0] - transactions}


def _each(sums: Counter[str], store: StoreCosts) -> dict[str, float]:
    """Return what was measured for each run: a group has several."""
    each = {name: value / sums["runs"] for name, value in sums.items()}
    groups = (store.promise, store.start, store.end)
    driver_us = sum(group.row.client_us + each["transactions"] / 3 * group.fixed.client_us for group in groups)
    return {
        **{name: each[name] for name in ("transactions", "database", "load", "loop")},
        "run": each["run"] + each["other"],
        "writer": max(each["writer"] - driver_us, 0.0),
    }


def _line(x: float, y: float, other_x: float, other_y: float) -> tuple[float, float]:
    """Return where the line through two points begins, and how it rises: a cost that falls is one that stays."""
    slope = (y - other_y) / (x - other_x) if x != other_x else 0.0
    if slope <= 0:
        return (y + other_y) / 2, 0.0
    slope = min(slope, y / x, other_y / other_x)
    return y - slope * x, slope


def measure_followers(project: Path, url: str, *, runs: int) -> FollowerCosts:
    """Return what followers cost, beside a server that runs as much without any."""
    with ours("followed", project, KEDRO_SERVER_STORE=url).running() as process:
        _run(process, 50)
        before = process.cpu_seconds()["loop"]
        _run(process, runs)
        alone = (process.cpu_seconds()["loop"] - before) / runs * 1e6
        return run_async(_follow(process, alone, runs=runs))


async def _follow(process: Process, alone_us: float, *, runs: int) -> FollowerCosts:
    told = [0, 0]

    async def listen() -> None:
        async for chunk in stream(process.port, "/events"):
            told[0] += chunk.count(_EVENT)
            told[1] += len(chunk)

    memory_mib = process.memory_mib()
    followers = [asyncio.create_task(listen()) for _ in range(_FOLLOWERS)]
    await asyncio.sleep(1)
    follower_kib = (process.memory_mib() - memory_mib) * 1024 / _FOLLOWERS
    before = process.cpu_seconds()["loop"]
    await send_checked(process.port, Load(requests=[RUN_AND_WAIT], callers=_CALLERS, times=runs))
    seen = -1
    while told[0] != seen:
        seen = told[0]
        await asyncio.sleep(0.5)
    loop_us = (process.cpu_seconds()["loop"] - before) * 1e6
    for follower in followers:
        follower.cancel()
    return FollowerCosts(
        deliver_us=max(loop_us - runs * alone_us, 0.0) / max(told[0], 1),
        follower_kib=follower_kib,
        run_events=told[0] / _FOLLOWERS / runs,
        event_bytes=told[1] / max(told[0], 1),
    )


def bytes_of_a_run(url: str) -> float:
    """Return what a run takes in a database, with its indexes."""
    with psycopg.connect(url) as connection:
        sizes = " + ".join(f"pg_total_relation_size('kedro_asgi.{table}')" for table in ("runs", "events", "outputs"))
        row = connection.execute(f"SELECT ({sizes})::float8, (SELECT count(*) FROM kedro_asgi.runs)").fetchone()
    assert row is not None
    return float(row[0]) / max(int(row[1]), 1)


def _run(process: Process, times: int, *, callers: int = _CALLERS) -> Sent:
    return send(process.port, Load(requests=[RUN_AND_WAIT], callers=callers, times=times))


def _run_alone(process: Process, times: int) -> Sent:
    """Send about so many requests, most of which find the server with nothing to do."""
    load = OpenLoad(request=RUN_AND_WAIT, per_second=_ALONE_PER_SECOND, seconds=times / _ALONE_PER_SECOND)
    return send_open([process.port], load)


def store_writes(process: Process) -> tuple[int, float]:
    """Return how many transactions of runs the server has written, and the seconds that they took."""
    text = run_async(_read(process.port))
    return int(_sum_of("count", text)), _sum_of("sum", text)


def _sum_of(name: str, text: str) -> float:
    pattern = rf"^kedro_asgi_store_write_seconds_{name}\S* (\S+)$"
    found: Sequence[str] = re.findall(pattern, text, flags=re.MULTILINE)
    return sum(map(float, found))


async def _read(port: int) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request("GET", "/metrics", Connection="close"))
    content = await reader.read()
    writer.close()
    return content.decode()

"""Does the simulation of one and of two servers over PostgreSQL agree with measurements, within a fifth?

It claims how many runs end a second, how many cores are busy, and how much of the time a server writes. How long
callers wait is measured and simulated, too, but the simulation does not claim it.

Costs and loads are measured in turns within one run, on a machine that servers, database and load share. The CPU time
that other programs take meanwhile is measured, too, and taken from the simulated cores, unless this runs before them
(``nice -n -10``). Exits with code 1 if a figure that is claimed is more than a fifth off.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import msgspec
from fleet.costs import Costs, under_load, write_costs
from fleet.deployment import Deployment, Workload
from fleet.pages import fill
from fleet.server_costs import RUN_AND_WAIT, ServerMeasurement, store_writes
from fleet.simulation import Arrivals, simulate
from fleet.store_costs import StoreMeasurement
from harness import Row, write
from load import Load, Sent
from measure_fleet import measure_costs, measured_store
from open_load import OpenLoad, send_open, send_to_all
from postgres_server import RunningPostgres, process_cpu_seconds, running_postgres
from servers import HERE, Process, Server, ours
from simulate_fleet import simulate_fleets

from projects import write_project

RESULTS = HERE / "fleet" / "check.json"
DOCS = HERE.parent / "docs"
_EMPTY_RUNS = Workload(runs_a_day=0, run_seconds=0.0, waits_for_ends=True)
# No run waits for a slot.
_SLOTS = 64
_CALLERS = 24
# For the costs of servers, in each round.
_COST_RUNS = 400
_SHARES = (0.3, 0.6)
_TOLERANCE = 0.2


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """A load of some servers: ``per_second`` at random times, or as much as they take where that is 0."""

    servers: int
    per_second: float
    share: float


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """How many runs a second ended, how many cores that took, and how long runs took from request to end.

    ``writing_share`` is how much of the time the servers' writer threads were in a transaction, or waited for the lock.
    """

    per_second: float
    busy_cores: float
    writing_share: float
    p50_ms: float
    p95_ms: float


_CLAIMED = ("per_second", "busy_cores", "writing_share")


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """A case, the medians of its rounds, and what the simulation says; other programs took ``other_cores``."""

    case: Case
    other_cores: float
    measured: Figures
    simulated: Figures

    def rows(self) -> Iterator[Row]:
        """Yield a line for each figure that the simulation claims."""
        load = "as much as they take" if not self.case.per_second else f"{self.case.share:.0%} of that"
        for name in _CLAIMED:
            measured, simulated = getattr(self.measured, name), getattr(self.simulated, name)
            yield {
                "servers": self.case.servers,
                "load": load,
                "figure": name,
                "measured": measured,
                "simulated": simulated,
                "deviation": simulated / measured - 1,
                "other_cores": self.other_cores,
            }


def main() -> None:
    """Measure, simulate and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each load")
    parser.add_argument("--seconds", type=float, default=4.0, help="how long each load takes")
    parser.add_argument("--into", type=Path, default=RESULTS, help="file of the comparison; costs.json beside it")
    parser.add_argument("--docs", type=Path, default=DOCS, help="folder with scaling.md, and pictures/")
    parser.add_argument("--with-fleets", action="store_true", help="then simulate all fleets with these costs")
    arguments = parser.parse_args()
    with running_postgres() as postgres:
        costs = measure_costs(postgres, runs=400)
        costs, checked = _check(postgres, costs, rounds=arguments.rounds, seconds=arguments.seconds)
    rows = [row for one in checked for row in one.rows()]
    arguments.into.parent.mkdir(parents=True, exist_ok=True)
    write_costs(arguments.into.with_name("costs.json"), costs)
    arguments.into.write_bytes(msgspec.json.format(msgspec.json.encode(checked), indent=1) + b"\n")
    write("fleet_check", "simulated and measured", rows)
    _fill(arguments.docs / "scaling.md", checked)
    if arguments.with_fleets:
        simulate_fleets(costs, seconds=60.0, into=arguments.into.with_name("sweep.json"), docs=arguments.docs)
    off = [row for row in rows if abs(row["deviation"]) > _TOLERANCE]
    print(f"{len(rows) - len(off)} of {len(rows)} figures are within {_TOLERANCE:.0%}.")
    raise SystemExit(1 if off else 0)


def _fill(page: Path, checked: Sequence[Checked]) -> None:
    header = ["servers, load", "runs a second, simulated / measured", "busy cores", "writing", "measured p50 / p95"]
    rows = []
    for one in checked:
        cells = [_cell(getattr(one.simulated, name), getattr(one.measured, name)) for name in _CLAIMED]
        load = f"{one.case.per_second:.0f} runs a second" if one.case.per_second else f"{_CALLERS} callers each"
        times = f"{_shown(one.measured.p50_ms)} / {_shown(one.measured.p95_ms)} ms"
        rows.append([f"{one.case.servers}, {load}", *cells, times])
    fill(page, "check", header, rows)


def _cell(simulated: float, measured: float) -> str:
    mark = r" \*" if abs(simulated / measured - 1) > _TOLERANCE else ""
    return f"{_shown(simulated)} / {_shown(measured)}{mark}"


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def _check(postgres: RunningPostgres, costs: Costs, *, rounds: int, seconds: float) -> tuple[Costs, list[Checked]]:
    measured: dict[Case, list[tuple[Figures, float]]] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        project = write_project(folder / "project", engine="kedro_asgi")
        collections = folder / "collections"
        fleets = [
            [stack.enter_context(server.running()) for server in _servers(project, postgres, count, collections)]
            for count in (1, 2)
        ]
        transactions = StoreMeasurement(*stack.enter_context(measured_store(postgres, "checked_transactions")))
        cases = [case for processes in fleets for case in _cases(processes, seconds)]
        # Those of the starts are not the runs'.
        collections.unlink(missing_ok=True)
        server = ServerMeasurement(postgres, fleets[0][0], beside=(fleets[1][0], fleets[1][1]), collections=collections)
        for number in range(rounds):
            server.measure(_COST_RUNS)
            for case in cases:
                transactions.measure(2)
                work = _work(fleets[case.servers - 1], case, seconds, seed=number)
                found = _measure(postgres, fleets[case.servers - 1], work)
                measured.setdefault(case, []).append(found)
                server.count(round(found[0].per_second * seconds) if case.servers == 1 else 0)
        store = transactions.costs()
        server_costs = server.costs(store)
        costs = msgspec.structs.replace(costs, server=server_costs, postgres=under_load(store, server_costs))
    return costs, [_compared(costs, case, found) for case, found in measured.items()]


def _cases(processes: Sequence[Process], seconds: float) -> Iterator[Case]:
    """Yield the loads of some servers: as much as they take, and shares of that."""
    full = Case(servers=len(processes), per_second=0.0, share=1.0)
    _work(processes, full, 1.0, seed=0)()
    most = _per_second(_work(processes, full, seconds, seed=0)())
    yield full
    for share in _SHARES:
        yield Case(servers=len(processes), per_second=round(share * most, 1), share=share)


def _per_second(sent: Sent) -> float:
    return len(sent.times) / sent.seconds


def _servers(project: Path, postgres: RunningPostgres, count: int, collections: Path) -> list[Server]:
    url = postgres.new_database(f"fleet_of_{count}")
    environ = {"KEDRO_SERVER_STORE": url, "KEDRO_SERVER_MAX_CONCURRENT_RUNS": str(_SLOTS)}
    if count == 1:
        environ["BENCHMARK_COLLECTIONS"] = str(collections)
    return [ours(f"server {number} of {count}", project, **environ) for number in range(count)]


def _work(processes: Sequence[Process], case: Case, seconds: float, *, seed: int) -> Callable[[], Sent]:
    """Return what sends the load of a case."""
    ports = [process.port for process in processes]
    if case.per_second:
        opened = OpenLoad(request=RUN_AND_WAIT, per_second=case.per_second, seconds=seconds, seed=seed)
        return lambda: send_open(ports, opened)
    load = Load(requests=[RUN_AND_WAIT], callers=_CALLERS, seconds=seconds)
    return lambda: send_to_all(ports, load)


def _measure(
    postgres: RunningPostgres, processes: Sequence[Process], work: Callable[[], Sent]
) -> tuple[Figures, float]:
    """Return the figures of a load, and how many cores other programs were busy with meanwhile."""
    before = _Used.now(postgres, processes)
    sent = work()
    used = _Used.now(postgres, processes).since(before)
    ranked = sorted(sent.times)
    figures = Figures(
        per_second=len(ranked) / sent.seconds,
        busy_cores=used.own_cpu_seconds / used.clock,
        writing_share=used.writing_seconds / used.clock / len(processes),
        p50_ms=ranked[len(ranked) // 2] * 1000,
        p95_ms=ranked[int(len(ranked) * 0.95)] * 1000,
    )
    return figures, max(used.all_cpu_seconds - used.own_cpu_seconds, 0.0) / used.clock


class _Used(msgspec.Struct, frozen=True):
    """The CPU time of servers, database and load, that of all programs, and the time in which servers wrote."""

    writing_seconds: float
    clock: float
    own_cpu_seconds: float
    all_cpu_seconds: float

    @classmethod
    def now(cls, postgres: RunningPostgres, processes: Sequence[Process]) -> "_Used":
        writing = sum(store_writes(process)[1] for process in processes)
        servers = sum(process_cpu_seconds(process.pid) for process in processes)
        own = postgres.cpu_seconds() + servers + time.process_time()
        return cls(writing, time.perf_counter(), own, _machine_cpu_seconds())

    def since(self, before: "_Used") -> "_Used":
        return _Used(
            *(
                mine - other
                for mine, other in zip(msgspec.structs.astuple(self), msgspec.structs.astuple(before), strict=True)
            )
        )


def _machine_cpu_seconds() -> float:
    """Return the CPU time of all programs, in hundredths."""
    fields = [int(field) for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    idle = fields[3] + fields[4]
    # Guests are counted in the user's time already.
    return (sum(fields[:8]) - idle) / os.sysconf("SC_CLK_TCK")


def _compared(costs: Costs, case: Case, found: Sequence[tuple[Figures, float]]) -> Checked:
    # At a priority above theirs, other programs take only the time that is left.
    is_first = os.getpriority(os.PRIO_PROCESS, 0) < 0
    other_cores = 0.0 if is_first else statistics.median(others for _, others in found)
    deployment = Deployment(
        replicas=case.servers,
        slots=_SLOTS,
        database_cores=os.cpu_count() or 1,
        busy_cores=other_cores,
        network_us=0.0,
        is_one_machine=True,
        is_notified=True,
        look_seconds=5.0,
        statements_a_step=1,
    )
    callers = 0 if case.per_second else _CALLERS * case.servers
    arrivals = Arrivals(seconds=12.0, per_second=case.per_second, callers=callers)
    claimed = simulate(costs, deployment, _EMPTY_RUNS, arrivals)
    names = Figures.__struct_fields__
    measured = {name: statistics.median(getattr(figures, name) for figures, _ in found) for name in names}
    return Checked(
        case=case,
        other_cores=other_cores,
        measured=Figures(**measured),
        simulated=Figures(
            per_second=claimed.per_second,
            busy_cores=claimed.database_share * (deployment.database_cores - other_cores),
            writing_share=claimed.writing_share,
            p50_ms=claimed.end.p50_ms,
            p95_ms=claimed.end.p95_ms,
        ),
    )


if __name__ == "__main__":
    main()

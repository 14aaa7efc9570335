"""A service that batches the pipelines of `predicting`, and what a test asks of it."""

import json
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import msgspec

from kedro_asgi.batching_options import BatchingOptions
from kedro_asgi.batching_state import BatchedPipelineState
from kedro_asgi.dispatch import Dispatcher, Finished, Policy
from kedro_asgi.dispatch.batching.rules import BatchingRules
from kedro_asgi.events import Event
from kedro_asgi.runs import RunOrder, RunSpec
from kedro_asgi.session import AsyncSession
from predicting import PIPELINES

Row = dict[str, Any]
OPTIONS = BatchingOptions(inputs=("rows",), outputs=("scores",))


class Service:
    """A dispatcher that batches, and what a test asks of it."""

    def __init__(self, runs: Dispatcher, folder: Path) -> None:
        self.runs = runs
        self.folder = folder
        self._gates = 0

    @property
    def calls(self) -> list[int]:
        """How many rows each call of a node got."""
        calls = self.folder / "calls"
        return [int(line) for line in calls.read_text().splitlines()] if calls.exists() else []

    @property
    def last_gate(self) -> str:
        """The gate of the run that holds back those which gather now."""
        return f"gate{self._gates}"

    def open(self, gate: str) -> None:
        (self.folder / gate).touch()

    async def run(self, pipeline: str, rows: Any, *, outputs: Sequence[str] = ("scores",), **more: Any) -> Finished:
        limit, until = more.pop("timeout_seconds", None), more.pop("until", None)
        spec = RunSpec.of([pipeline], inputs={"rows": rows}, outputs=outputs, **more)
        order = RunOrder(spec=spec, timeout_seconds=limit, labels={"first": str(rows)[:50]})
        return await self.runs.run(order, until=until)

    async def promise(self, pipeline: str, rows: Any, **more: Any) -> str:
        return await promise(self.runs, pipeline, rows, **more)

    async def kept(self, run_id: str) -> Any:
        """The scores that are kept of a promised run."""
        return json.loads(await self.runs.output(run_id, "scores"))

    async def gather(self, pipeline: str, requests: Sequence[Any], **more: Any) -> list[Finished]:
        """Run requests that come while another run of their kind is executed, so they are one batch."""
        found: dict[int, Finished] = {}
        async with self.gathering(pipeline, requests, found, **more):
            pass
        return [found[number] for number in range(len(requests))]

    @asynccontextmanager
    async def gathering(
        self, pipeline: str, requests: Sequence[Any], found: dict[int, Finished], **more: Any
    ) -> AsyncIterator[None]:
        """Do so, and let the requests go on with the end of this block."""

        async def run(number: int, rows: Any) -> None:
            found[number] = await self.run(pipeline, rows, **more)

        self._gates += 1
        gate = self.last_gate
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run, -1, [{"key": gate, "x": 0.0}])
            await self.until(lambda gauges: gauges["runs_running"] == 1)
            for number, rows in enumerate(requests):
                tasks.start_soon(run, number, rows)
                await self.until(lambda gauges, queued=number + 1: gauges["runs_queued"] == queued)
            yield
            self.open(gate)

    async def until(self, is_so: Callable[[dict[str, float]], bool]) -> None:
        with anyio.fail_after(60):
            while not is_so(self.runs.gauges()):
                await anyio.sleep(0.001)

    async def run_ids(self, status: str, key: str = "") -> list[str]:
        """The runs of a status whose first row has a key."""
        page = await self.runs.list()
        return [run.run_id for run in page.runs if run.status == status and key in run.labels.get("first", "")]

    async def events(self, finished: Finished) -> list[Event]:
        return [published.event async for published in self.runs.follow(finished.record.run_id)]

    def state(self, pipeline: str) -> BatchedPipelineState:
        assert self.runs.batching is not None
        return next(found for found in self.runs.batching.describe() if found.pipeline == pipeline)


@asynccontextmanager
async def open_service(
    project: Path, *, options: BatchingOptions = OPTIONS, proven: bool = False, **more: Any
) -> AsyncIterator[Service]:
    """Open a service that has checked its pipelines; ``proven``: their batches are not compared."""
    session = AsyncSession.create(project_path=project)
    options = msgspec.structs.replace(options, compare=not proven)
    batching = dict.fromkeys((*PIPELINES, "saving"), options)
    policy = Policy(grace_seconds=0.1)
    more = {"batching_rules": nothing_by_chance(), **more}
    async with Dispatcher(session, policy=policy, batching=batching, **more) as runs:
        assert runs.batching is not None
        await runs.batching.check()
        yield Service(runs, project)


def nothing_by_chance() -> BatchingRules:
    """On a busy machine, a run that holds others back takes long; `test_batching_window` has the rule itself.

    Rows are compared in another order than they come, which by chance may be the same.
    """
    return BatchingRules(beside_after_seconds=600.0, spot_check_share=0.0, random=random.Random(1))


async def promise(runs: Dispatcher, pipeline: str, rows: Any, **more: Any) -> str:
    """Promise a run whose scores are kept; return its id."""
    return (await runs.submit([pipeline], inputs={"rows": rows}, outputs=["scores"], **more)).run_id


def rows(*keys: str, x: float = 1.0) -> list[Row]:
    return [{"key": key, "x": x} for key in keys]


def scores(finished: Finished) -> Any:
    assert finished.record.status == "success", finished.record.error
    return json.loads(bytes(finished.outputs["scores"]))


def keys(finished: Finished) -> list[str]:
    return [row["key"] for row in scores(finished)]

"""The resources of runs: their records, logs, events, nodes, graphs and outputs."""

from collections.abc import Iterable, Sequence

from kedro_asgi.dispatch import Dispatcher
from kedro_asgi.events import LogLine, RunEvent
from kedro_asgi.runs import RunQuery, RunRecord
from kedro_asgi.server.access.caller import Caller
from kedro_asgi.server.access.visible_runs import list_visible_to
from kedro_asgi.server.mcp import json_outputs
from kedro_asgi.server.mcp.pipeline_resources import PipelineResources
from kedro_asgi.server.mcp.resource_addresses import TEXT
from kedro_asgi.server.mcp.resource_texts import ResourceText, json_resource

# A host may show the whole list to its user; older runs are found by their ids.
_LISTED_RUNS = 20
_LAST_EVENTS = 1000


class RunResources:
    """Reads the runs of a dispatcher."""

    def __init__(self, runs: Dispatcher, pipelines: PipelineResources) -> None:
        self._runs = runs
        self._pipelines = pipelines

    async def latest(self, caller: Caller | None) -> tuple[RunRecord, ...]:
        """Return the latest runs that a caller may see."""
        return (await list_visible_to(caller, self._runs, RunQuery(limit=_LISTED_RUNS))).runs

    async def record(self, run_id: str) -> RunRecord:
        """Return the record of a run; raises `RunNotFoundError`."""
        return await self._runs.read(run_id)

    async def read(self, record: RunRecord, rest: Sequence[str]) -> ResourceText | None:
        """Return a resource of a run; raises `DispatchError` or `NoResourceError`."""
        match rest:
            case []:
                return json_resource(record)
            case ["log"]:
                return ResourceText(_log(await self._events(record)), TEXT)
            case ["events"]:
                return json_resource(await self._events(record))
            case ["nodes"]:
                return json_resource(await self._runs.node_runs(record.run_id))
            case ["graph.svg" | "graph.mmd" as kind]:
                nodes = await self._runs.node_runs(record.run_id)
                return await self._pipelines.drawing_of_run(record, nodes, kind)
            case ["outputs", name]:
                kept = await self._runs.output(record.run_id, name)
                return ResourceText((await json_outputs.output_as_json(name, kept)).decode())
        return None

    async def _events(self, record: RunRecord) -> tuple[RunEvent, ...]:
        return await self._runs.last_events(record.run_id, _LAST_EVENTS)


def _log(events: Iterable[RunEvent]) -> str:
    lines = (event for event in events if isinstance(event, LogLine))
    return "".join(f"{line.at.isoformat()} {line.level} {_place(line)}{line.message}\n" for line in lines)


def _place(line: LogLine) -> str:
    return f"{line.logger}: " if line.node is None else f"{line.logger} [{line.node}]: "

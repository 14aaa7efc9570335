"""The signatures of a served project's pipelines, compiled when they are first needed."""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from kedro_asgi.errors import KedroAsgiError
from kedro_asgi.outcome import Outcome
from kedro_asgi.runs import Slice
from kedro_asgi.server.planner_cache import PlannerCache
from kedro_asgi.session import AsyncSession

if TYPE_CHECKING:
    from kedro_asgi.plan import Planner
    from kedro_asgi.server.typed_pipeline import TypedPipeline

_MAX_PIPELINES = 256


class TypedPipelines:
    """Compiles pipelines of a session as they are needed; belongs to one event loop, and compiles in threads."""

    def __init__(self, session: AsyncSession) -> None:
        self._compiled: PlannerCache[Planner, Slice, TypedPipeline] = PlannerCache(
            session,
            lambda planner: planner,
            size=_MAX_PIPELINES,
            is_kept=lambda planner, slice_: planner.is_kept(slice_),
        )

    async def find(self, slice_: Slice) -> "Outcome[TypedPipeline]":
        """Return a compiled slice, or why there is none; raises nothing but cancellation."""
        return await self._compiled.find(slice_, partial(_compile, slice_=slice_))

    def registered(self, planner: "Planner") -> "dict[str, TypedPipeline]":
        """Return the registered pipelines that runs could execute, compiled in this thread.

        Raises the errors of the registry.
        """
        return dict(self._registered(planner))

    def _registered(self, planner: "Planner") -> "Iterator[tuple[str, TypedPipeline]]":
        for name in planner.project.pipelines.load():
            slice_ = Slice(pipeline_names=(name,))
            try:
                yield name, self._compiled.compile(planner, slice_, partial(_compile, slice_=slice_))
            except KedroAsgiError:
                # A pipeline without nodes, or one that no run could execute.
                continue


def _compile(planner: "Planner", *, slice_: Slice) -> "TypedPipeline":
    # Most servers are asked for no schema, so the modules of signatures are imported with the first one.
    from kedro_asgi.server.typed_pipeline import TypedPipeline

    return TypedPipeline.of(planner, slice_)

"""The signatures of a served project's pipelines, compiled when they are first needed."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import msgspec

from kedro_asgi.errors import KedroAsgiError
from kedro_asgi.plan import Planner
from kedro_asgi.runs import RuntimeParams, Slice
from kedro_asgi.server.planner_cache import PlannerCache
from kedro_asgi.server.typed_schemas import request_schema
from kedro_asgi.session import AsyncSession, Outcome
from kedro_asgi.signatures import BodyCheck, BodyProblem, Json, PipelineSignature, model_problems, sign_pipeline

_MAX_PIPELINES = 256


class TypedPipeline(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A slice of a project with the schema of its requests, compiled."""

    planner: Planner
    slice: Slice
    signature: PipelineSignature
    schema: Json
    check: BodyCheck

    @classmethod
    def of(cls, planner: Planner, slice_: Slice) -> "TypedPipeline":
        """Compile a slice; raises its errors and those of the configuration."""
        signature = sign_pipeline(planner, slice_)
        schema = request_schema(signature, title=slice_.pipeline_names[0])
        return cls(planner=planner, slice=slice_, signature=signature, schema=schema, check=BodyCheck(schema))

    @property
    def has_models(self) -> bool:
        """Whether nodes require models of their parameters, whose code may refuse more than the schema does."""
        return self.planner.plan(self.slice).has_typed_parameters

    def model_problems(self, params: Mapping[str, Any]) -> list[BodyProblem]:
        """Return what the models refuse in ``params`` over the project's own; calls code of the project."""
        validator = self.planner.plan(self.slice).parameter_validator
        return list(model_problems(validator, self.planner.parameters(RuntimeParams(values=params))))


class TypedPipelines:
    """Compiles pipelines of a session as they are needed; belongs to one event loop, and compiles in threads."""

    def __init__(self, session: AsyncSession) -> None:
        self._compiled: PlannerCache[Planner, Slice, TypedPipeline] = PlannerCache(
            session, lambda planner: planner, size=_MAX_PIPELINES, is_kept=Planner.is_kept
        )

    async def find(self, slice_: Slice) -> Outcome[TypedPipeline]:
        """Return a compiled slice, or why there is none; raises nothing but cancellation."""
        return await self._compiled.find(slice_, partial(TypedPipeline.of, slice_=slice_))

    def registered(self, planner: Planner) -> dict[str, TypedPipeline]:
        """Return the registered pipelines that runs could execute, compiled in this thread.

        Raises the errors of the registry.
        """
        return dict(self._registered(planner))

    def _registered(self, planner: Planner) -> Iterator[tuple[str, TypedPipeline]]:
        for name in planner.project.pipelines.load():
            slice_ = Slice(pipeline_names=(name,))
            try:
                yield name, self._compiled.compile(planner, slice_, partial(TypedPipeline.of, slice_=slice_))
            except KedroAsgiError:
                # A pipeline without nodes, or one that no run could execute.
                continue

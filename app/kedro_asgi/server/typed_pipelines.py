"""The signatures of a served project's pipelines, compiled when they are first needed."""

import threading
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from kedro_asgi.bounded_cache import BoundedCache
from kedro_asgi.errors import KedroAsgiError
from kedro_asgi.plan import Planner
from kedro_asgi.runs import RuntimeParams, Slice
from kedro_asgi.server.typed_schemas import request_schema
from kedro_asgi.session import AsyncSession, KedroServiceSession, Outcome
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


class _Compiled:
    """The pipelines that are compiled for a planner; a reload brings another planner, so another of these."""

    def __init__(self, planner: Planner) -> None:
        self.planner = planner
        self.pipelines: BoundedCache[Slice, TypedPipeline] = BoundedCache(_MAX_PIPELINES)
        self._lock = threading.Lock()

    def get(self, slice_: Slice) -> TypedPipeline:
        # Many callers ask at once after a reload: one thread compiles, and the others wait for what it finds.
        with self._lock:
            found = self.pipelines.get(slice_)
            if found is not None:
                return found
            compiled = TypedPipeline.of(self.planner, slice_)
            return self.pipelines.add(slice_, compiled) if self.planner.is_kept(slice_) else compiled

    def registered(self) -> Iterator[tuple[str, TypedPipeline]]:
        for name in self.planner.project.pipelines.load():
            try:
                yield name, self.get(Slice(pipeline_names=(name,)))
            except KedroAsgiError:
                # A pipeline without nodes, or one that no run could execute.
                continue


class TypedPipelines:
    """Compiles pipelines of a session as they are needed; belongs to one event loop, and compiles in threads."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session
        self._compiled: _Compiled | None = None

    @property
    def planner(self) -> Planner | None:
        """What runs that begin now use; ``None`` before the project is open."""
        prepared = self._session.prepared
        return None if prepared is None else prepared.engine.planner

    async def find(self, slice_: Slice) -> Outcome[TypedPipeline]:
        """Return a compiled slice, or why there is none; raises nothing but cancellation."""
        compiled = self._compiled
        if compiled is not None and compiled.planner is self.planner:
            known = compiled.pipelines.get(slice_)
            if known is not None:
                return Outcome(result=known)
        return await self._session.in_free_thread(lambda session: self._current(session).get(slice_))

    async def registered(self) -> Outcome[dict[str, TypedPipeline]]:
        """Return the registered pipelines that runs could execute; raises nothing but cancellation."""
        return await self._session.in_free_thread(lambda session: dict(self._current(session).registered()))

    def _current(self, session: KedroServiceSession) -> _Compiled:
        compiled, planner = self._compiled, session.engine.planner
        if compiled is None or compiled.planner is not planner:
            # Two threads may both get here; they compile the same, so it does not matter which is last.
            compiled = self._compiled = _Compiled(planner)
        return compiled

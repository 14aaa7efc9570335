"""The request of one run to the engine, and the facts that its hooks get."""

from collections.abc import Callable
from typing import Any

import msgspec

from kedro_asgi.events import Emit
from kedro_asgi.hooks import RunHooks
from kedro_asgi.plan import Planner
from kedro_asgi.reserved_names import DEFAULT_PIPELINE
from kedro_asgi.runner import AbstractRunner
from kedro_asgi.runner.lookup import runner_path
from kedro_asgi.runs import RunId, RunSpec, RuntimeParams
from kedro_asgi.validation import Validate
from kedro_asgi.versions import kedro_version


class EngineRun(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A run as a session asks for it.

    ``session_id`` is that of a session for many runs. ``runner_ended`` is called when the runner has succeeded, before
    the last hook. ``as_json`` refuses outputs that can never be JSON before anything runs. ``is_single_attempt``: the
    caller makes further attempts itself.
    """

    spec: RunSpec
    run_id: RunId | str
    runtime: RuntimeParams
    runner: AbstractRunner | None = None
    session_id: str | None = None
    emit: Emit | None = None
    runner_ended: Callable[[], None] | None = None
    as_json: bool = False
    is_single_attempt: bool = False


class ContextParts(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The parts of contexts and catalogs: the compiled project, and the values that one run adds to it."""

    planner: Planner
    runtime: RuntimeParams
    validate: Validate
    hooks: RunHooks


class RunParams(msgspec.Struct, kw_only=True, eq=False):
    """The ``run_params`` of one run for hooks (SES-32); put together only where a hook asks."""

    planner: Planner
    run: EngineRun
    runner: AbstractRunner
    collected: dict[str, Any] | None = None

    def get(self) -> dict[str, Any]:
        """Return the same dict each time: what one hook puts in, later ones find."""
        if self.collected is None:
            self.collected = self._collect()
        return self.collected

    def _collect(self) -> dict[str, Any]:
        planner, spec = self.planner, self.run.spec
        filters = {name: list(value) or None for name, value in msgspec.structs.asdict(spec.slice).items()}
        return {
            "run_id": self.run.run_id,
            "project_path": str(planner.project_path),
            "env": planner.env,
            "effective_env": planner.effective_env,
            "kedro_version": kedro_version(),
            **filters,
            "load_versions": dict(spec.load_versions) or None,
            "runtime_params": dict(spec.runtime_params) or None,
            "runner": runner_path(self.runner),
            "only_missing_outputs": spec.only_missing_outputs,
            **self._session_facts(),
        }

    def _session_facts(self) -> dict[str, Any]:
        """Return the facts that only a session for many runs has, or that it names differently."""
        if self.run.session_id is None:
            return {}
        names = list(self.run.spec.slice.pipeline_names) or [DEFAULT_PIPELINE]
        return {"session_id": self.run.session_id, "pipeline_names": names}

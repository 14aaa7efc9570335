"""A session for many runs."""

import logging
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self, Unpack

from kedro_asgi.runner import AbstractRunner
from kedro_asgi.runs import RunArguments, RunSpec, RuntimeParams
from kedro_asgi.session.abstract import AbstractSession
from kedro_asgi.session.context import KedroContext
from kedro_asgi.session.engine import Engine

_log = logging.getLogger(__name__)


class KedroServiceSession(AbstractSession):
    """Any number of runs of a project, from any number of threads; runs share nothing mutable but what was preloaded.

    The project is read once: edits to its configuration want a `reload`, edits to its code a new session.
    ``serving_mode`` loads all pipelines at once,
    and takes runtime parameters as literals that cannot select a dataset's type (SES-27, SES-28, Q-14).
    """

    def __init__(self, engine: Engine, *, session_id: str, serving_mode: bool = False) -> None:
        self.session_id = session_id
        self.engine = engine
        self._serving_mode = serving_mode

    @classmethod
    def create(
        cls,
        session_id: str | None = None,
        project_path: str | Path | None = None,
        env: str | None = None,
        conf_source: str | Path | None = None,
        serving_mode: bool = False,
        preload: Iterable[str] | None = None,
    ) -> Self:
        """Open a project for many runs (SES-24); the raised errors are those of `Engine.open`.

        ``preload`` names datasets, by name or pattern, that are loaded once and handed to all runs, never copied; in
        serving mode it is what the project's ``[tool.kedro-asgi]`` says, unless it is given.
        """
        session_id = session_id or str(uuid.uuid4())
        if serving_mode:
            _log.info("Serving mode: preloading all pipelines for session %s", session_id)
        engine = Engine.open(
            session_type=cls.__name__,
            project_path=project_path,
            env=env,
            conf_source=conf_source,
            serving=serving_mode,
            preload=preload,
        )
        return cls(engine, session_id=session_id, serving_mode=serving_mode)

    def load_context(self, runtime_params: Mapping[str, Any] | None = None) -> KedroContext:
        """Return a new context on every call (SES-29)."""
        return self.engine.load_context(self.runtime(runtime_params or {}))

    def run(
        self,
        run_id: str | None = None,
        pipeline_names: Iterable[str] | None = None,
        *,
        runner: AbstractRunner | None = None,
        runtime_params: Mapping[str, Any] | None = None,
        **arguments: Unpack[RunArguments],
    ) -> dict[str, Any]:
        """Run pipelines and return their free outputs by name, as datasets (SES-25).

        ``runtime_params`` and ``inputs`` are for this run alone. ``run_id`` is also the save version; it is made
        up where it is not given. Raises what the run raised.
        """
        spec = RunSpec.of(pipeline_names, runtime_params=runtime_params, **arguments)
        run_id = run_id or self.engine.run_ids.next()
        _log.info("Session ID: %s", self.session_id)
        _log.info("Run ID: %s", run_id)
        runtime = self.runtime(spec.runtime_params)
        return self.engine.run(spec, run_id=run_id, runner=runner, runtime=runtime, facts=self.facts(spec)).result

    @property
    def preloaded(self) -> dict[str, str]:
        """The datasets that were to be preloaded, each with the reason why it is not there; empty if it is."""
        return {name: artifact.problem for name, artifact in self.engine.artifacts.items()}

    def check(self) -> None:
        """Read the project's configuration now, unless a run has; raises what is wrong with it."""
        self.engine.planner.compile()

    def reload(self) -> None:
        """Read the project's configuration and what was preloaded again, for runs that begin from now on.

        Raises what is wrong with either; then nothing has changed.
        """
        self.engine.reload()

    def facts(self, spec: Any) -> dict[str, Any]:
        """What hooks are told in ``run_params`` beyond the run itself (SES-32)."""
        return {
            "session_id": self.session_id,
            "pipeline_names": list(spec.slice.pipeline_names) or ["__default__"],
        }

    def runtime(self, values: Mapping[str, Any]) -> RuntimeParams:
        """Return ``values`` with what this session lets them do."""
        is_restricted = self._serving_mode or self.engine.planner.restricts_type_selection
        return RuntimeParams(values=values, literal=self._serving_mode, restrict_type_selection=is_restricted)

    def close(self) -> None:
        """Say that the session ended (SES-31), and end its worker processes; it may run again all the same."""
        _log.info("Closing session %s", self.session_id)
        self.engine.close()

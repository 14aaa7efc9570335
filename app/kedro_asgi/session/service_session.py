"""A session for many runs."""

import logging
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from time import perf_counter
from typing import Any, Self, Unpack

from msgspec import UNSET

from kedro_asgi.encoding import encode_output
from kedro_asgi.errors.wording import bounded, one_line
from kedro_asgi.events import Emit, milliseconds_since
from kedro_asgi.failures import MAX_CHARACTERS
from kedro_asgi.io.dataset import is_persistent
from kedro_asgi.plan import Planner
from kedro_asgi.project_check import ProjectProblems, find_problems
from kedro_asgi.redaction import redact
from kedro_asgi.run_arguments import ParameterArguments
from kedro_asgi.run_context import CURRENT_RUN
from kedro_asgi.runner import AbstractRunner
from kedro_asgi.runs import RunId, RunSpec, RuntimeParams
from kedro_asgi.session.abstract_session import AbstractSession
from kedro_asgi.session.context import KedroContext
from kedro_asgi.session.engine import Engine, RunEnd
from kedro_asgi.session.engine_run import EngineRun
from kedro_asgi.session.positional import AFTER_PIPELINE_NAMES, by_name
from kedro_asgi.session.results import Convert as Convert
from kedro_asgi.session.results import RunResult as RunResult
from kedro_asgi.session.resumption import resumed_spec

_log = logging.getLogger(__name__)
_ORDER = (*AFTER_PIPELINE_NAMES, "runtime_params")


class KedroServiceSession(AbstractSession):
    """Any number of runs of a project, from any number of threads; runs share nothing mutable but preloaded datasets.

    The project is read once: edits to its configuration need a `reload`, edits to its code a new session.
    ``serving_mode`` loads all pipelines at once, and takes runtime parameters as literals that cannot select a
    dataset's type (Q-14).
    """

    def __init__(self, engine: Engine, *, session_id: str, serving_mode: bool = False) -> None:
        self.session_id = session_id
        self.engine = engine
        self._serving_mode = serving_mode
        # The result of `check` for the planner that it checked last.
        self.problems = ProjectProblems()
        self._checked: Planner | None = None

    @classmethod
    def create(
        cls,
        session_id: str | None = None,
        project_path: str | Path | None = None,
        env: str | None = None,
        conf_source: str | Path | None = None,
        serving_mode: bool = False,
        preload: Iterable[str] | None = None,
        package_name: str | None = None,
        reload_signal: str | Path | None = None,
    ) -> Self:
        """Open a project for many runs; the raised errors are those of `Engine.open`.

        ``package_name`` names an installed package whose configuration is at ``project_path``. ``reload_signal`` is a
        file by which the sessions of several processes tell each other what they have read or saved again; its folder
        exists.

        ``preload`` names datasets, by name or pattern, that are loaded once and handed to all runs, never copied. In
        serving mode its default is in the project's ``[tool.kedro-asgi]``.
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
            package_name=package_name,
            reload_signal=reload_signal,
        )
        return cls(engine, session_id=session_id, serving_mode=serving_mode)

    def load_context(self, runtime_params: Mapping[str, Any] | None = None) -> KedroContext:
        """Return a new context on every call."""
        return self.engine.load_context(self._runtime(runtime_params or {}))

    def run(
        self,
        run_id: str | None = None,
        pipeline_names: Iterable[str] | None = None,
        *positional: Any,
        runner: AbstractRunner | None = None,
        **arguments: Unpack[ParameterArguments],
    ) -> dict[str, Any]:
        """Run pipelines and return their free outputs by name, as datasets.

        ``runtime_params``, or ``params``, and ``inputs`` are for this run alone. Arguments may come by position, in
        Kedro's order. ``run_id`` is also the save version; without one the session mints one. Raises what the run
        raised.
        """
        given: Any = arguments
        if positional:
            given = by_name(positional, {"runner": runner, **arguments}, order=_ORDER)
            runner = given.pop("runner")
        spec = RunSpec.of(pipeline_names, **given)
        run_id = run_id or self.engine.run_ids.next()
        if _log.isEnabledFor(logging.INFO):
            _log.info("Session ID: %s", self.session_id)
            _log.info("Run ID: %s", run_id)
        return self._run(spec, runner=runner, run_id=run_id, emit=None).result

    def execute(
        self,
        spec: RunSpec,
        *,
        runner: AbstractRunner | None = None,
        run_id: str | None = None,
        convert: Convert | None = None,
        emit: Emit | None = None,
        is_single_attempt: bool = False,
    ) -> RunResult:
        """Run ``spec`` in this thread and return the values of its outputs; raises what the run raised.

        ``convert`` is applied to each output; one that it fails for, or that cannot be loaded, is in
        ``output_problems``, since the run itself has succeeded. Without ``convert``, a failing load is raised. ``emit``
        is called with the events of the run. ``is_single_attempt`` leaves further attempts of the run to the caller.
        """
        started = perf_counter()
        run_id = run_id or self.engine.run_ids.next()
        end = self._run(
            spec,
            runner=runner,
            run_id=run_id,
            emit=emit,
            as_json=convert is encode_output,
            is_single_attempt=is_single_attempt,
        )
        token = CURRENT_RUN.set((run_id, spec.slice.pipeline_names))
        try:
            outputs, problems = _outputs(end, spec, convert)
        finally:
            CURRENT_RUN.reset(token)
        return RunResult(
            run_id=RunId(run_id),
            duration_ms=milliseconds_since(started),
            outputs=outputs,
            output_problems=problems,
        )

    def resume(self, spec: RunSpec, *, finished: Collection[str], save_version: str) -> RunSpec:
        """Return what a new run has to do after one of ``spec`` that has finished only some nodes.

        Raises ``LookupError`` where nothing is left, or nothing of the run can be used, and the errors of the project.
        """
        planner = self.engine.planner
        catalog = self.engine.unchecked_catalog(planner, self._runtime(spec.runtime_params))
        return resumed_spec(planner, catalog, spec, finished=finished, save_version=save_version)

    def retry_delay_seconds(self, spec: RunSpec, error: BaseException) -> float | None:
        """Return how long to wait before the next attempt of a run that failed; ``None`` if none may follow.

        Raises nothing: an error of user code may raise anything when it is looked at.
        """
        try:
            return self.engine.retry_delay_seconds(spec, error) if isinstance(error, Exception) else None
        except Exception:
            return None

    def _run(
        self,
        spec: RunSpec,
        *,
        runner: AbstractRunner | None,
        run_id: str,
        emit: Emit | None,
        as_json: bool = False,
        is_single_attempt: bool = False,
    ) -> RunEnd:
        run = EngineRun(
            spec=spec,
            run_id=run_id,
            runtime=self._runtime(spec.runtime_params),
            runner=runner,
            session_id=self.session_id,
            emit=emit,
            as_json=as_json,
            is_single_attempt=is_single_attempt,
        )
        return self.engine.run(run)

    def _runtime(self, values: Mapping[str, Any]) -> RuntimeParams:
        """Return ``values`` with what this session lets them do."""
        planner = self.engine.planner
        return RuntimeParams(
            values=values,
            literal=self._serving_mode,
            restrict_type_selection=self._serving_mode or planner.restricts_type_selection,
            allowed_paths=planner.project.options.allowed_paths,
        )

    @property
    def preloaded(self) -> dict[str, str]:
        """The datasets to preload, each with the reason why it is missing; the reason is empty where it is there."""
        return {name: artifact.problem for name, artifact in self.engine.artifacts.items()}

    @property
    def missing(self) -> dict[str, str]:
        """The datasets to preload that cannot be loaded yet, each with the reason."""
        return {name: artifact.problem for name, artifact in self.engine.artifacts.items() if artifact.is_missing}

    def load_missing(self) -> None:
        """Try again to load the datasets that are missing; raises what hooks raise while a catalog is made."""
        self.engine.load_missing()

    def check(self) -> None:
        """Read the project's configuration now, unless a run has, and find its `problems`; raises its errors."""
        planner = self.engine.planner
        planner.read_configuration()
        if self._checked is not planner:
            self.problems = find_problems(planner)
            self._checked = planner

    def reload(self) -> None:
        """Read the project's configuration and the preloaded datasets again, for runs that begin from now on.

        Raises the errors of either; nothing has changed then.
        """
        self.engine.reload()

    def catch_up(self) -> None:
        """Read again what other processes have replaced, if this session takes notice of them."""
        self.engine.catch_up()

    def close(self) -> None:
        """Log the end of the session, and end its worker processes; it may still run again."""
        _log.info("Closing session %s", self.session_id)
        self.engine.close()


def _encode_as_columns(name: str, value: object) -> Any:
    # Few runs give tables of Arrow.
    from kedro_asgi.session.arrow_outputs import encode_as_columns

    return encode_as_columns(name, value)


def _outputs(end: RunEnd, spec: RunSpec, convert: Convert | None) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the outputs of a run, as `execute` describes them, and the reasons why others are missing."""
    load, names = end.catalog.load, spec.outputs
    if names is None:
        names = tuple(name for name, dataset in end.result.items() if not is_persistent(dataset))
    if convert is None:
        return {name: load(name) for name in names}, {}
    if convert is encode_output and spec.output_format is not UNSET:
        # A catalog class of Kedro's has no such method. A copy of a large table would be in vain.
        convert, load = _encode_as_columns, getattr(end.catalog, "load_for_reading", load)
    return _converted(names, load, convert)


def _converted(
    names: Iterable[str], load: Callable[[str], Any], convert: Convert
) -> tuple[dict[str, Any], dict[str, str]]:
    outputs: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for name in names:
        try:
            outputs[name] = convert(name, load(name))
        except Exception as error:  # datasets of a project may raise anything
            problems[name] = bounded(redact(str(error) or type(error).__name__), MAX_CHARACTERS)
            _log.warning("Output '%s' is not given: %s", name, one_line(problems[name]))
    return outputs, problems

"""The one body of "run": every session translates its arguments and comes here."""

import logging
import os
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from kedro_asgi.errors import RunnerInstanceError
from kedro_asgi.events import RunPlanned
from kedro_asgi.hooks import RunHooks
from kedro_asgi.io import Artifact, DataCatalog
from kedro_asgi.pipeline import Pipeline
from kedro_asgi.plan import Planner
from kedro_asgi.project import Project
from kedro_asgi.retries import EffectiveRetries
from kedro_asgi.run_context import CURRENT_RUN
from kedro_asgi.run_ids import RunIds, save_version
from kedro_asgi.runner import AbstractRunner, SequentialRunner
from kedro_asgi.runner.lookup import as_our_runner, find_runner
from kedro_asgi.runner.retrying import NodeRetries
from kedro_asgi.runner.worker_pool import WorkerPool
from kedro_asgi.runs import RunSpec, RuntimeParams
from kedro_asgi.session.attempts import retry_delay_seconds, wait_for_attempt
from kedro_asgi.session.context import KedroContext
from kedro_asgi.session.engine_run import ContextParts, EngineRun, RunParams
from kedro_asgi.session.json_outputs import check_json_outputs, same_in_every_run
from kedro_asgi.session.project_classes import ProjectClasses
from kedro_asgi.session.project_lookup import find_project, open_in_worker
from kedro_asgi.session.run_contexts import RunContexts
from kedro_asgi.session.shared_state import SharedProject
from kedro_asgi.trace_context import opentelemetry_api
from kedro_asgi.tracing.activation import active_tracer
from kedro_asgi.validation import unchecked

if TYPE_CHECKING:
    from kedro_asgi.tracing.tracer import Tracer

_log = logging.getLogger(__name__)


class RunEnd(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A run that succeeded: its free outputs, as datasets, and the catalog that holds them."""

    result: dict[str, Any]
    catalog: DataCatalog


class Engine:
    """A project opened in one environment; thread-safe, any number of runs at a time.

    A run works with the configuration and the artifacts that are current when it begins, until it ends.
    """

    def __init__(self, planner: Planner, classes: ProjectClasses, *, session_type: str) -> None:
        self._shared = SharedProject(planner, self.catalog_without_parameters)
        self.run_ids = RunIds()
        self.classes = classes
        self._session_type = session_type
        self._worker_pool = WorkerPool(
            partial(open_in_worker, planner.project.package_name, planner.project.project_path),
            dask_scheduler=planner.project.options.dask.scheduler,
        )
        self._contexts = RunContexts(planner, classes.context_maker)
        self._default_runner = SequentialRunner()

    @classmethod
    def open(
        cls,
        *,
        session_type: str,
        project_path: str | Path | None,
        env: str | None,
        conf_source: str | Path | None,
        serving: bool = False,
        preload: Iterable[str] | None = None,
        package_name: str | None = None,
        reload_signal: str | Path | None = None,
    ) -> "Engine":
        """Open the project at ``project_path``, else the current one, else the one around the working directory.

        ``package_name`` names an installed package whose configuration is at ``project_path``.

        Raises ``ValueError`` ("Package name not found…") where there is none, and what reading its settings
        and registering its hooks raises. ``serving`` loads all pipelines at once, and preloads the datasets
        that the project's options name unless ``preload`` does.
        """
        project, path = find_project(project_path, package_name=package_name)
        classes = ProjectClasses.of(project)
        planner = Planner(
            project,
            project_path=path,
            env=env or os.environ.get("KEDRO_ENV") or None,
            conf_source=conf_source or path / project.settings.conf_source,
            selective=not serving,
            loader_class=classes.loader,
        )
        engine = cls(planner, classes, session_type=session_type)
        if serving:
            project.pipelines.load()
        names = (project.options.preload if serving else ()) if preload is None else preload
        engine._shared.preload(names, reload_signal=reload_signal)
        return engine

    def close(self) -> None:
        """End the worker processes that parallel runs left warm."""
        self._worker_pool.close()

    @property
    def needs_own_threads(self) -> bool:
        """Whether hooks keep the state of one run, also in thread-local variables, so that no run may find it."""
        return self._contexts.has_single_run_hooks

    @property
    def planner(self) -> Planner:
        """The compiled project, as runs that begin now see it."""
        return self._shared.current.planner

    @property
    def artifacts(self) -> Mapping[str, Artifact]:
        """The values that runs that begin now share, by the names of their datasets."""
        return self._shared.current.artifacts

    def reload(self) -> None:
        """Read the project's configuration and load its artifacts again; runs that have begun keep what they have.

        Raises the errors of either; nothing has changed then.
        """
        self._shared.reload()

    @property
    def has_signals(self) -> bool:
        """Whether other processes may signal to this one that they have replaced something."""
        return self._shared.has_signals

    def catch_up(self) -> None:
        """Read again what other processes have replaced, if they signal that to this one."""
        if self.has_signals:
            self._shared.read_signals()

    def read_reloads(self) -> None:
        """Read the configuration and the artifacts again, if another process did and signals that to this one."""
        self._shared.read_reloads()

    def load_missing(self) -> None:
        """Try again to load the artifacts that are missing; raises what making a catalog raises."""
        self._shared.load_missing()

    def load_context(self, runtime: RuntimeParams) -> KedroContext:
        """Return a new context for looking around, and call ``after_context_created``.

        Its parameters are checked for the nodes of all pipelines.
        """
        planner = self.planner
        parts = ContextParts(
            planner=planner,
            runtime=runtime,
            validate=lambda raw: planner.parameter_validator.validate(raw),
            hooks=self._contexts.hooks,
        )
        return self._contexts.context(parts)

    def run(self, run: EngineRun) -> RunEnd:
        """Run in this thread; raises what the run raised. Log lines of the thread name the run meanwhile."""
        token = CURRENT_RUN.set((run.run_id, run.spec.slice.pipeline_names))
        try:
            if run.is_single_attempt:
                return self._plan_and_run(run, None if opentelemetry_api() is None else active_tracer())
            has_retries = run.spec.retries is not None or self.planner.project.options.retries is not None
            return self._run_attempts(run) if has_retries else self._run_attempt(run)
        finally:
            CURRENT_RUN.reset(token)

    def _run_attempts(self, run: EngineRun) -> RunEnd:
        """Run again and again, until an attempt succeeds or none may follow; raises what the last one raised."""
        while True:
            try:
                return self._run_attempt(run)
            except Exception as error:
                seconds = self.retry_delay_seconds(run.spec, error)
                if seconds is None:
                    raise
                wait_for_attempt(run, error, seconds)
            run = msgspec.structs.replace(run, spec=msgspec.structs.replace(run.spec, attempt=run.spec.attempt + 1))

    def _run_attempt(self, run: EngineRun) -> RunEnd:
        """Make an attempt of a run, in a span; a caller that makes the attempts itself has the span, too."""
        tracer = active_tracer()
        if tracer is None:
            return self._plan_and_run(run, None)
        with tracer.run(run.run_id, run.spec, self.planner.effective_env or None):
            # None below a span that the sampler drops.
            return self._plan_and_run(run, active_tracer())

    def retry_delay_seconds(self, spec: RunSpec, error: Exception) -> float | None:
        """Return how long a run waits after ``error`` before its next attempt; ``None`` if none may follow."""
        return retry_delay_seconds(effective_retries(self.planner.project, spec).run, spec, error)

    def _plan_and_run(self, run: EngineRun, tracer: "Tracer | None") -> RunEnd:
        """Plan, make the catalog, and run; hooks rely on the order of the steps (SES-6).

        ``tracer`` makes the spans of nodes.
        """
        self.catch_up()
        shared, spec = self._shared.current, run.spec
        planner = shared.planner
        plan = planner.known_plan(spec.slice)
        if _log.isEnabledFor(logging.INFO):
            _log.info("Kedro project %s", planner.project.package_name)
        contexts, hooks = self._contexts, self._contexts.hooks_of_run()
        # Once the plan is known, nodes that ask for no model cost nothing.
        is_untyped = plan is not None and not plan.has_typed_parameters
        validate = unchecked if is_untyped else planner.validation(spec)
        parts = ContextParts(planner=planner, runtime=run.runtime, validate=validate, hooks=hooks)
        context = contexts.context(parts) if contexts.is_needed else None
        if plan is None:
            plan = planner.plan(spec.slice)
        inputs = plan.checked_inputs(spec)
        # A change that a hook makes to a node ends with the run.
        pipeline = plan.pipeline.with_copied_nodes() if contexts.hooks.shows_nodes else plan.pipeline
        runner = self._runner(spec, run.runner)
        version = save_version(run.run_id, spec.attempt)
        catalog = contexts.catalog(parts, context, save_version=version, load_versions=spec.load_versions)
        if shared.artifacts:
            catalog.share(shared.artifacts, confirms=pipeline.steps.confirmed)
        for name, value in inputs.items():
            catalog.inject(name, value, expected=plan.input_type(name))
        if spec.outputs:
            catalog.kept = frozenset(spec.outputs)
            if run.as_json and not plan.json_outputs.issuperset(spec.outputs):
                check_json_outputs(spec.outputs, pipeline, catalog, own_package=planner.project.package_name)
                # A hook or a class of the project may make another catalog, or other nodes, in each run.
                if context is None and hooks.after_catalog_created is None and pipeline is plan.pipeline:
                    plan.note_json_outputs(same_in_every_run(spec.outputs, catalog))
        params = RunParams(planner=planner, run=run, runner=runner)
        try:
            return self._run(params, pipeline, catalog, _with_parts_of_run(hooks, run, planner.project, tracer))
        finally:
            if shared.artifacts:
                self._shared.renew(catalog)

    def _run(self, params: RunParams, pipeline: Pipeline, catalog: DataCatalog, hooks: RunHooks) -> RunEnd:
        run = params.run
        if hooks.before_pipeline_run is not None:
            hooks.before_pipeline_run(run_params=params.get(), pipeline=pipeline, catalog=catalog)
        if hooks.emit is not None:
            hooks.emit(RunPlanned(run_id=run.run_id, nodes=len(pipeline.steps.in_order)))
        try:
            result = params.runner.run(pipeline, catalog, hooks, run.run_id, run.spec.only_missing_outputs)
        except Exception as error:
            if hooks.on_pipeline_error is not None:
                hooks.on_pipeline_error(error=error, run_params=params.get(), pipeline=pipeline, catalog=catalog)
            raise
        if run.runner_ended is not None:
            run.runner_ended()
        if hooks.after_pipeline_run is not None:
            hooks.after_pipeline_run(run_params=params.get(), run_result=result, pipeline=pipeline, catalog=catalog)
        return RunEnd(result=result, catalog=catalog)

    def catalog_without_parameters(self, planner: Planner) -> DataCatalog:
        """Return a catalog as a run without parameters has it, without models in place of parameters."""
        return self.unchecked_catalog(planner, RuntimeParams())

    def unchecked_catalog(self, planner: Planner, runtime: RuntimeParams) -> DataCatalog:
        """Return a catalog as a run has it, without models in place of parameters."""
        parts = ContextParts(planner=planner, runtime=runtime, validate=unchecked, hooks=self._contexts.hooks)
        context = self._contexts.context(parts)
        return self._contexts.catalog(parts, context, save_version=self.run_ids.next(), load_versions={})

    def _runner(self, spec: RunSpec, given: object) -> AbstractRunner:
        """Return the given runner, else the one that ``spec`` names."""
        if given is None and spec.runner is None and not spec.is_async:
            return self._default_runner
        if given is None:
            project = self.planner.project
            allowlist = project.settings.runner_module_allowlist
            kind = find_runner(spec.runner, package_name=project.package_name, allowlist=allowlist)
            given = kind(is_async=spec.is_async)
        ours = as_our_runner(given)
        if ours is None:
            raise RunnerInstanceError(self._session_type)
        return ours.using(self._worker_pool)


def _with_parts_of_run(hooks: RunHooks, run: EngineRun, project: Project, tracer: "Tracer | None") -> RunHooks:
    """Return the hooks with what belongs to one run: the receiver of its events, retries of its nodes, their spans."""
    if run.emit is not None:
        hooks = msgspec.structs.replace(hooks, emit=run.emit)
    if run.spec.retries is not None or project.options.retries is not None:
        hooks = msgspec.structs.replace(hooks, retries=NodeRetries(effective_retries(project, run.spec)))
    if tracer is not None:
        hooks = msgspec.structs.replace(hooks, spans=tracer.node_spans(run.run_id))
    return hooks


def effective_retries(project: Project, spec: RunSpec) -> EffectiveRetries:
    """Return the retries of a run, as its caller and the project want them."""
    return EffectiveRetries.of(spec.retries, project.options.retries, spec.slice.pipeline_names)

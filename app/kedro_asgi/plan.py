"""Compile a project once: its configuration, its catalog, and a plan for each slice that a run uses."""

import logging
import threading
import warnings
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from kedro_asgi.bounded_cache import BoundedCache
from kedro_asgi.catalogs import compile_catalog
from kedro_asgi.config import Config, CustomLoader, MissingConfigException, Parameters
from kedro_asgi.config.custom_loader import TYPE_SELECTION_ARGUMENT
from kedro_asgi.errors import (
    PipelineNotFoundError,
    ProducedInputError,
    SelectionError,
    SettingTypeError,
    UnknownDatasetsError,
)
from kedro_asgi.io import CatalogResolver
from kedro_asgi.io.input_types import InputType, input_type
from kedro_asgi.pipeline import Pipeline
from kedro_asgi.project import Project
from kedro_asgi.runs import RunSpec, RuntimeParams, Slice
from kedro_asgi.validation import ParameterValidator, Validate, ValidatedParameters, unchecked
from kedro_asgi.validation.extractor import argument_hints

_log = logging.getLogger(__name__)
# Callers choose slices, so there are limits: to the number of plans, and to the characters of a slice.
_MAX_PLANS = 256
_LONGEST_SLICE = 10_000


class Plan(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A slice of a project, compiled: its pipeline, and the datasets of that.

    It also remembers what runs have found out: ``json_outputs`` names the datasets that can be outputs as JSON in
    every run, and ``input_types`` has what nodes expect of the inputs that runs have brought.
    """

    pipeline: Pipeline
    datasets: frozenset[str]
    producers: Mapping[str, str]
    parameter_validator: ParameterValidator
    has_typed_parameters: bool
    json_outputs: set[str] = msgspec.field(default_factory=set)
    input_types: dict[str, InputType | None] = msgspec.field(default_factory=dict)

    def input_type(self, name: str) -> InputType | None:
        """Return what the nodes that take the dataset ``name`` expect in place of a plain value, if their hints tell.

        Two threads may both compute it; they find the same.
        """
        if name not in self.input_types:
            hints = argument_hints(self.pipeline.nodes)
            self.input_types.update({dataset: input_type(found) for dataset, found in hints.items()})
        return self.input_types.setdefault(name, None)

    def note_json_outputs(self, names: Iterable[str]) -> None:
        """Remember that these datasets can be outputs as JSON in every run; any thread may call this."""
        self.json_outputs.update(names)

    def checked_inputs(self, spec: RunSpec) -> Mapping[str, Any]:
        """Return the inputs of ``spec``, with models in place of parameters that have to be one.

        Raises `UnknownDatasetsError`, `ProducedInputError` and `ParameterValidationError` for inputs and outputs that
        this plan cannot serve, before anything runs.
        """
        for argument, names in (("inputs", spec.inputs), ("outputs", spec.outputs or ())):
            if not self.datasets.issuperset(names):
                raise UnknownDatasetsError(argument, set(names) - self.datasets, self.datasets)
        for name in spec.inputs:
            if name in self.producers:
                raise ProducedInputError(name, self.producers[name])
        return self.parameter_validator.validate_inputs(spec.inputs) if spec.inputs else spec.inputs


class Planner:
    """Compiles one project in one environment; all its runs and threads share a planner.

    It compiles each part when it is first needed, and keeps it. It reads configuration once: later edits need a new
    planner. Only a project's own ``loader_class`` reads it again for every run.
    """

    def __init__(
        self,
        project: Project,
        *,
        project_path: Path,
        env: str | None,
        conf_source: Path | str,
        selective: bool,
        loader_class: type | None = None,
    ) -> None:
        self.project = project
        self.project_path = project_path
        self.env = env
        self.effective_env = env or project.settings.config_loader_args.get("default_run_env") or ""
        self.conf_source = conf_source
        self._loader_class = loader_class
        self._selective = selective
        self._lock = threading.RLock()
        self._plans: BoundedCache[Slice, Plan] = BoundedCache(_MAX_PLANS)
        self.known_plan: Callable[[Slice], Plan | None] = self._plans.get
        """Returns the plan of a slice that a run has used before."""

    def renewed(self) -> "Planner":
        """Return a planner that has read the configuration again; raises the errors of that."""
        planner = Planner(
            self.project,
            project_path=self.project_path,
            env=self.env,
            conf_source=self.conf_source,
            selective=self._selective,
            loader_class=self._loader_class,
        )
        planner.read_configuration()
        return planner

    def read_configuration(self) -> None:
        """Read the configuration now, unless that was done or each run does it; raises the errors of that."""
        if self.custom_loader is None:
            _ = self.resolver, self._parameters

    @cached_property
    def custom_loader(self) -> CustomLoader | None:
        """Makes the project's own configuration loader, if it has one; `config` is not used then."""
        if self._loader_class is None:
            return None
        arguments = self.project.settings.config_loader_args
        return CustomLoader.of(self._loader_class, self.conf_source, env=self.env, arguments=arguments)

    def read(self, key: str, runtime: RuntimeParams) -> Mapping[str, Any]:
        """Return one kind of configuration for one run; raises `MissingConfigException` where there is none."""
        if self.custom_loader is not None:
            values: Mapping[str, Any] = self.custom_loader.load(runtime).read(key)
            return values
        return self.config.resolve(key, runtime)

    @property
    def reads_anew(self) -> bool:
        """Whether two readings may differ: a loader or resolvers of the project's own may look at the clock."""
        return self.custom_loader is not None or bool(self.config.custom_resolvers)

    @cached_property
    def config(self) -> Config:
        """The compiled configuration; raises its errors again on each access."""
        arguments = dict(self.project.settings.config_loader_args)
        arguments.pop(TYPE_SELECTION_ARGUMENT, None)
        with self._lock:
            try:
                return Config(self.conf_source, env=self.env, **arguments)
            except TypeError as error:
                module = f"{self.project.package_name}.settings"
                raise SettingTypeError(f"CONFIG_LOADER_ARGS of '{module}' cannot be used: {error}") from error

    @property
    def restricts_type_selection(self) -> bool:
        """Whether the project's settings forbid that runtime parameters select a dataset's type."""
        return bool(self.project.settings.config_loader_args.get(TYPE_SELECTION_ARGUMENT, False))

    @cached_property
    def resolver(self) -> CatalogResolver:
        """The compiled catalog; a project without credentials has none."""
        with self._lock:
            return compile_catalog(self.config.entries("catalog"), self._credentials(), project_path=self.project_path)

    def parameters(self, runtime: RuntimeParams) -> Mapping[str, Any]:
        """Return the parameters of a run, for reading only; without files, its runtime parameters."""
        return runtime.values if self._parameters is None else self._parameters.values(runtime)

    @property
    def has_constant_parameters(self) -> bool:
        """Whether nothing in the parameters depends on a run, but for what its caller merges over them."""
        return self.custom_loader is None and (self._parameters is None or self._parameters.is_constant)

    def validated_parameters(self, runtime: RuntimeParams, validate: Validate) -> ValidatedParameters:
        """Return the parameters of a run, for reading only, as ``validate`` makes them."""
        return validate(self.parameters(runtime))

    @cached_property
    def parameter_validator(self) -> ParameterValidator:
        """The types that the nodes of all registered pipelines ask of their parameters."""
        return ParameterValidator(self.project.pipelines.load())

    def validation(self, spec: RunSpec) -> Validate:
        """Return a callable that puts models in place of parameters where the nodes of ``spec`` ask for them (Q-20).

        It compiles the plan when it is called.
        """
        return lambda raw: self._validated(raw, spec)

    def _validated(self, raw: Mapping[str, Any], spec: RunSpec) -> ValidatedParameters:
        try:
            validator = self.plan(spec.slice).parameter_validator
        except (PipelineNotFoundError, SelectionError):
            # The run itself is about to raise this; a hook that reads parameters before it does not (HOOK-7).
            return unchecked(raw)
        return validator.validate(raw, replaced=spec.inputs)

    def plan(self, slice_: Slice) -> Plan:
        """Return the plan of a slice; raises errors for unknown names and for a slice without nodes."""
        plan = self._plans.get(slice_)
        return plan if plan is not None else self._compile_plan(slice_)

    def is_kept(self, slice_: Slice) -> bool:
        """Tell whether what is compiled of a slice may be kept: callers choose the names, and may send megabytes."""
        return sum(len(name) for names in msgspec.structs.astuple(slice_) for name in names) <= _LONGEST_SLICE

    def _compile_plan(self, slice_: Slice) -> Plan:
        if not self.is_kept(slice_):
            return _plan(self._sliced(slice_))
        with self._lock:
            plan = self._plans.get(slice_)
            return plan if plan is not None else self._plans.add(slice_, _plan(self._sliced(slice_)))

    def _sliced(self, slice_: Slice) -> Pipeline:
        whole = self.project.pipelines.combine(slice_.pipeline_names, selective=self._selective)
        return whole.filter(
            tags=slice_.tags,
            from_nodes=slice_.from_nodes,
            to_nodes=slice_.to_nodes,
            node_names=slice_.node_names,
            from_inputs=slice_.from_inputs,
            to_outputs=slice_.to_outputs,
            node_namespaces=slice_.namespaces,
        )

    @cached_property
    def _parameters(self) -> Parameters | None:
        try:
            return self.config.compiled_parameters()
        except MissingConfigException:
            warnings.warn("Parameters not found in your Kedro project config.", UserWarning, stacklevel=2)
            return None

    def _credentials(self) -> Mapping[str, Any]:
        try:
            return self.config.entries("credentials")
        except MissingConfigException as error:
            _log.debug("Credentials not found in your Kedro project config. %s", error)
            return {}


def _plan(pipeline: Pipeline) -> Plan:
    validator = ParameterValidator({"run": pipeline})
    return Plan(
        pipeline=pipeline,
        datasets=frozenset(pipeline.datasets()),
        producers={name: node.name for node in pipeline.nodes for name in node.outputs},
        parameter_validator=validator,
        has_typed_parameters=bool(validator.types),
    )

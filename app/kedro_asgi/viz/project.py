"""A project as kedro-viz looks at it: its pipelines, its catalog and its parameters."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from msgspec import UNSET

from kedro_asgi.errors import KedroAsgiError
from kedro_asgi.errors.wording import class_path
from kedro_asgi.io import CatalogResolver
from kedro_asgi.io.parameters import ParameterView
from kedro_asgi.pipeline import Node, Pipeline
from kedro_asgi.pipeline.names import is_within
from kedro_asgi.plan import Planner
from kedro_asgi.redaction import redact, secret_names
from kedro_asgi.reserved_names import ALL_PARAMETERS, FORMAT_SEPARATOR, PARAMS_PREFIX
from kedro_asgi.runs import NO_PARAMS
from kedro_asgi.signatures import shown_value
from kedro_asgi.viz.ids import dataset_id, task_id
from kedro_asgi.viz.namespaces import Namespace, namespaces_at, namespaces_of
from kedro_asgi.viz_metadata import layer_of

_IN_MEMORY = "io.memory_dataset.MemoryDataset"


class VizProject:
    """The project that ``planner`` has compiled, for kedro-viz; thread-safe.

    Values of parameters are shown as `shown_value` allows, and paths without credentials.
    """

    def __init__(self, planner: Planner) -> None:
        self.planner = planner
        self._namespaces: dict[str, Mapping[str, Namespace]] = {}

    @cached_property
    def pipelines(self) -> Mapping[str, Pipeline]:
        """The registered pipelines by name; raises the errors of the registry."""
        return self.planner.project.pipelines.load()

    @cached_property
    def tasks(self) -> dict[str, Node]:
        """The nodes of all pipelines by id."""
        return {task_id(node): node for pipeline in self.pipelines.values() for node in pipeline.nodes}

    @cached_property
    def datasets(self) -> dict[str, str]:
        """The datasets and parameters of all pipelines by id, each with one of its names."""
        names = {name for pipeline in self.pipelines.values() for name in pipeline.datasets()}
        return {dataset_id(name): name for name in sorted(names)}

    @cached_property
    def touching(self) -> dict[str, list[Node]]:
        """The nodes of all pipelines that read or write each dataset, by its id."""
        found: dict[str, list[Node]] = {dataset: [] for dataset in self.datasets}
        for node in self.tasks.values():
            for dataset in {dataset_id(name) for name in (*node.inputs, *node.outputs)}:
                found[dataset].append(node)
        return found

    @cached_property
    def members(self) -> dict[str, frozenset[str]]:
        """The ids of the nodes and datasets of each pipeline, by its name."""
        return {
            name: frozenset((*map(task_id, found.nodes), *map(dataset_id, found.datasets())))
            for name, found in self.pipelines.items()
        }

    def pipelines_with(self, element: str) -> list[str]:
        """Return the pipelines that have a node or a dataset, by its id."""
        return [name for name, found in self.members.items() if element in found]

    def tags_in(self, namespace: str) -> list[str]:
        """Return the tags of the nodes of all pipelines in a namespace, and in those below it."""
        inside = [node for node in self.tasks.values() if is_within(node.namespace, namespace)]
        return sorted({tag for node in inside for tag in node.tags})

    def is_produced(self, name: str) -> bool:
        """Tell whether the first pipeline that has a dataset produces it."""
        first = self.pipelines_with(dataset_id(name))[0]
        return name in self.pipelines[first].all_outputs()

    def namespaces_of(self, name: str) -> list[str]:
        """Return the namespaces that a dataset belongs to in the first pipeline that has it."""
        dataset = dataset_id(name)
        first = self.pipelines_with(dataset)[0]
        if first not in self._namespaces:
            self._namespaces[first] = namespaces_of(self.pipelines[first].nodes)
        touching = [node for node in self.touching[dataset] if task_id(node) in self.members[first]]
        return namespaces_at(dataset, self._namespaces[first], touching)

    @cached_property
    def parameters(self) -> Mapping[str, Any]:
        """The parameters that may be shown; none if only a run completes them."""
        try:
            values = self.planner.read("parameters", NO_PARAMS)
        except KedroAsgiError:
            return {}
        is_secret = secret_names(self.planner.project.options.hidden_values)
        shown = {key: shown_value(str(key), value, is_secret=is_secret) for key, value in values.items()}
        return {key: value for key, value in shown.items() if value is not UNSET}

    def parameters_of(self, names: list[str]) -> dict[str, Any]:
        """Return the values of parameters by their short names; ``parameters`` stands for all of them."""
        found: dict[str, Any] = {}
        for name in names:
            if name == ALL_PARAMETERS:
                found.update(self.parameters)
            elif name.startswith(PARAMS_PREFIX):
                path = name.removeprefix(PARAMS_PREFIX)
                value = ParameterView(self.parameters).find(name)
                found[path] = None if value is UNSET else value
        return found

    def dataset_type(self, name: str) -> str | None:
        """Return the path of the class without its package; ``None`` for a dataset with formats, or a broken entry."""
        if FORMAT_SEPARATOR in name:
            return None
        builder = None if self._resolver is None else self._resolver.builder(name)
        try:
            return _IN_MEMORY if builder is None else class_path(builder.dataset_class(NO_PARAMS)).partition(".")[2]
        except KedroAsgiError:
            return None

    def filepath(self, name: str) -> str | None:
        """Return the path of the dataset's file, absolute."""
        path = self._entry(name).get("filepath")
        return redact(path) if isinstance(path, str) else None

    def layer(self, name: str) -> str | None:
        """Return the layer that the entry's metadata names."""
        return layer_of(self._entry(name))

    @cached_property
    def layers(self) -> dict[str, str]:
        """The layers of datasets, by id."""
        named = {found: self.layer(name) for found, name in self.datasets.items()}
        return {found: layer for found, layer in named.items() if layer is not None}

    def _entry(self, name: str) -> Mapping[str, Any]:
        builder = None if self._resolver is None else self._resolver.builder(name)
        try:
            config = {} if builder is None else builder.config_with_absolute_paths(NO_PARAMS)
        except KedroAsgiError:
            return {}
        return config if isinstance(config, Mapping) else {}

    @cached_property
    def _resolver(self) -> CatalogResolver | None:
        """The compiled catalog; a project's own loader has none."""
        return self.planner.resolver if self.planner.custom_loader is None else None

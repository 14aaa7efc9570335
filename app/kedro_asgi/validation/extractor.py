"""The types that the nodes of pipelines require of their parameters."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from kedro_asgi.reserved_names import PARAMS_PREFIX
from kedro_asgi.validation.hints import parameter_hints
from kedro_asgi.validation.models import ModelType, model_type

_log = logging.getLogger(__name__)


class HasArguments(Protocol):
    """The attributes of a node that the extractor reads."""

    @property
    def func(self) -> Callable[..., Any]: ...

    @property
    def arguments(self) -> list[tuple[str, str]]:
        """The names of the function's parameters, each with the dataset that it receives."""
        ...


class HasNodes(Protocol):
    """The attributes of a pipeline that the extractor reads."""

    @property
    def nodes(self) -> Sequence[HasArguments]: ...


class TypeExtractor:
    """Reads the type hints of all nodes that use parameters."""

    def __init__(self, pipelines: Mapping[str, HasNodes]) -> None:
        self._pipelines = pipelines

    def extract_types_from_pipelines(self) -> dict[str, Any]:
        """Return the hints that name a model, by the path of the parameter."""
        return {path: found.hint for path, found in self.extract_models().items()}

    def extract_models(self) -> dict[str, ModelType]:
        """Return the models that parameters must become, by path; of several for one path, the last counts (PAR-17)."""
        models: dict[str, ModelType] = {}
        for name, pipeline in self._pipelines.items():
            for node in pipeline.nodes:
                for path, model in _required_models(node):
                    _warn_of_conflict(path, models.get(path), model, name)
                    models[path] = model
        return models


def argument_hints(nodes: Iterable[HasArguments]) -> dict[str, list[Any]]:
    """Return the hints of the parameters that receive each dataset, with ``Annotated`` around them, by its name."""
    found: dict[str, list[Any]] = {}
    for node in nodes:
        arguments = node.arguments
        hints = parameter_hints(node.func, [name for name, _ in arguments], include_extras=True)
        for name, dataset in arguments:
            found.setdefault(dataset, []).extend([hints[name]] if name in hints else ())
    return found


def _required_models(node: HasArguments) -> Iterator[tuple[str, ModelType]]:
    arguments = [
        (name, dataset[len(PARAMS_PREFIX) :]) for name, dataset in node.arguments if dataset.startswith(PARAMS_PREFIX)
    ]
    hints = parameter_hints(node.func, [name for name, _ in arguments]) if arguments else {}
    for name, path in arguments:
        if name in hints and (model := model_type(hints[name])) is not None:
            yield path, model


def _warn_of_conflict(path: str, known: ModelType | None, model: ModelType, pipeline: str) -> None:
    if known is not None and known.hint != model.hint:
        _log.warning(
            "Conflicting type requirements for parameter '%s': %s, and %s in pipeline '%s'. The latter is used.",
            path,
            known.hint,
            model.hint,
            pipeline,
        )

"""Turn parameters into the models that nodes ask for (PAR-11 to PAR-19)."""

import logging
from collections.abc import Callable, Container, Mapping
from typing import Any

import msgspec
from msgspec import UNSET

from kedro_asgi.errors import ModelInstantiationError, ParameterValidationError
from kedro_asgi.reserved_names import PARAMS_PREFIX
from kedro_asgi.validation.extractor import HasNodes, TypeExtractor
from kedro_asgi.validation.models import ModelType

_log = logging.getLogger(__name__)


class ValidatedParameters(msgspec.Struct, frozen=True, eq=False):
    """Parameters with the models in their places, and the models by the paths that nodes ask for."""

    whole: Mapping[str, Any]
    models: Mapping[str, Any] = {}


Validate = Callable[[Mapping[str, Any]], ValidatedParameters]

# Takes parameters as they are, where no node asks for a model.
unchecked: Validate = ValidatedParameters


class ParameterValidator:
    """Knows the types of parameters in some pipelines; compiled once, never changes, made for many runs.

    Models are made for every run: their code may look at the clock, at files or at the environment.
    """

    def __init__(self, pipelines: Mapping[str, HasNodes]) -> None:
        self._types = TypeExtractor(pipelines).extract_models()
        if not self._types:
            _log.info("No typed parameter requirements found, returning original parameters")

    def validate_raw_params(self, raw_params: Mapping[str, Any]) -> dict[str, Any]:
        """Return ``raw_params``, which stay as they are, with models in place of what has to be one (PAR-16)."""
        return dict(self.validated(raw_params).whole)

    def validated(self, raw: Mapping[str, Any], *, replaced: Container[str] = ()) -> ValidatedParameters:
        """Return parameters and models; a parameter that does not exist is left to fail as an input (PAR-12).

        Raises `ParameterValidationError` with everything that is wrong. Where a run brings another dataset for a
        parameter, one of the ``replaced``, a value that is wrong stays as it is.
        """
        if not self._types:
            return unchecked(raw)
        places = {path: keys for path in self._types if (keys := _keys(raw, path))}
        models = self._instantiate({path: _at(raw, keys) for path, keys in places.items()}, forgiven=replaced)
        whole = dict(raw)
        # Outer ones first: what lies within a model is the model's own, not ours to replace.
        for path in sorted(models, key=lambda path: len(places[path])):
            _put(whole, places[path], models[path])
        return ValidatedParameters(whole=whole, models=models)

    def inputs(self, given: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return inputs of a run with models in place of parameters that have to be one.

        Raises `ParameterValidationError` with everything that is wrong.
        """
        wanted = [path for path in self._types if PARAMS_PREFIX + path in given] if given else []
        if not wanted:
            return given
        models = self._instantiate({path: given[PARAMS_PREFIX + path] for path in wanted})
        return {**given, **{PARAMS_PREFIX + path: model for path, model in models.items()}}

    def _instantiate(self, values: Mapping[str, Any], *, forgiven: Container[str] = ()) -> dict[str, Any]:
        models, failures = {}, {}
        for path, value in values.items():
            try:
                models[path] = self._types[path].instantiate(path, value)
            except ModelInstantiationError as error:
                if PARAMS_PREFIX + path not in forgiven:
                    failures.update(error.failures)
        if failures:
            raise ParameterValidationError(failures)
        return models

    @property
    def types(self) -> Mapping[str, ModelType]:
        """What parameters have to become, by path; not to be changed."""
        return self._types


def _keys(parameters: Mapping[str, Any], path: str) -> tuple[str, ...]:
    """The keys that lead to ``path``: the path itself as one key, else its parts (PAR-12); none if nothing is there."""
    if path in parameters:
        return (path,)
    keys = tuple(path.split("."))
    return () if _at(parameters, keys) is UNSET else keys


def _at(parameters: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    value: Any = parameters
    for key in keys:
        if not isinstance(value, Mapping) or key not in value:
            return UNSET
        value = value[key]
    return value


def _put(whole: dict[str, Any], keys: tuple[str, ...], model: Any) -> None:
    """Put a model in place, with copies of the mappings around it, which belong to all runs."""
    for key in keys[:-1]:
        if not isinstance(whole[key], Mapping):
            return
        inner = dict(whole[key])
        whole[key] = inner
        whole = inner
    whole[keys[-1]] = model

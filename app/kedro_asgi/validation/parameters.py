"""Turn parameters into the models that nodes require."""

import logging
from collections.abc import Callable, Container, Iterator, Mapping

import msgspec
from msgspec import UNSET

from kedro_asgi.errors import ModelInstantiationError, ParameterValidationError
from kedro_asgi.reserved_names import PARAMS_PREFIX
from kedro_asgi.validation.extractor import HasNodes, TypeExtractor
from kedro_asgi.validation.models import ModelType

_log = logging.getLogger(__name__)


class ValidatedParameters(msgspec.Struct, frozen=True, eq=False):
    """Parameters with models in place of their raw values, and the models by path."""

    whole: Mapping[str, object]
    models: Mapping[str, object] = {}


Validate = Callable[[Mapping[str, object]], ValidatedParameters]

# Takes parameters as they are, where no node requires a model.
unchecked: Validate = ValidatedParameters


class ParameterValidator:
    """Builds the models that the nodes of some pipelines require; immutable, and shared by many runs.

    Each run gets new models: their code may read the clock, files or the environment.
    """

    def __init__(self, pipelines: Mapping[str, HasNodes]) -> None:
        self._types = TypeExtractor(pipelines).extract_models()
        if not self._types:
            _log.info("No typed parameter requirements found, returning original parameters")

    def validate_raw_params(self, raw_params: Mapping[str, object]) -> dict[str, object]:
        """Return a copy of ``raw_params`` with models in place of the values that must be models (PAR-16)."""
        return dict(self.validate(raw_params).whole)

    def validate(self, raw: Mapping[str, object], *, replaced: Container[str] = ()) -> ValidatedParameters:
        """Return parameters and models; a parameter that does not exist fails later, as an unmet input (PAR-12).

        Raises `ParameterValidationError` with all failures. ``replaced`` names the parameters for which the run has
        another dataset: a wrong value there stays as it is.
        """
        if not self._types:
            return unchecked(raw)
        places = {path: keys for path in self._types if (keys := _keys(raw, path))}
        models = self._instantiate({path: _value_at(raw, keys) for path, keys in places.items()}, ignored=replaced)
        whole = dict(raw)
        # Outer models first: a value inside a model belongs to that model and is not replaced.
        for path in sorted(models, key=lambda path: len(places[path])):
            _put(whole, places[path], models[path])
        return ValidatedParameters(whole=whole, models=models)

    def validate_inputs(self, given: Mapping[str, object]) -> Mapping[str, object]:
        """Return inputs of a run with models in place of the parameters that must be models.

        Raises `ParameterValidationError` with all failures.
        """
        wanted = [path for path in self._types if PARAMS_PREFIX + path in given] if given else []
        if not wanted:
            return given
        models = self._instantiate({path: given[PARAMS_PREFIX + path] for path in wanted})
        return {**given, **{PARAMS_PREFIX + path: model for path, model in models.items()}}

    def errors(self, raw: Mapping[str, object]) -> Iterator[tuple[tuple[str, ...], ModelInstantiationError]]:
        """Yield the keys of each parameter that cannot become the model that nodes require, and the reason."""
        for path, model in self._types.items():
            if keys := _keys(raw, path):
                try:
                    model.instantiate(path, _value_at(raw, keys))
                except ModelInstantiationError as error:
                    yield keys, error

    def _instantiate(self, values: Mapping[str, object], *, ignored: Container[str] = ()) -> dict[str, object]:
        models, failures = {}, {}
        for path, value in values.items():
            try:
                models[path] = self._types[path].instantiate(path, value)
            except ModelInstantiationError as error:
                if PARAMS_PREFIX + path not in ignored:
                    failures.update(error.failures)
        if failures:
            raise ParameterValidationError.of(failures)
        return models

    @property
    def types(self) -> Mapping[str, ModelType]:
        """The models that parameters must become, by path; read-only."""
        return self._types


def _keys(parameters: Mapping[str, object], path: str) -> tuple[str, ...]:
    """Return the keys that lead to ``path``: the path as one key, else its parts; none if there is no value."""
    if path in parameters:
        return (path,)
    keys = tuple(path.split("."))
    return () if _value_at(parameters, keys) is UNSET else keys


def _value_at(parameters: Mapping[str, object], keys: tuple[str, ...]) -> object:
    value: object = parameters
    for key in keys:
        if not isinstance(value, Mapping) or key not in value:
            return UNSET
        value = value[key]
    return value


def _put(whole: dict[str, object], keys: tuple[str, ...], model: object) -> None:
    """Put a model in place, and copy the mappings around it, since all runs share them."""
    for key in keys[:-1]:
        inner = whole[key]
        if not isinstance(inner, Mapping):
            return
        whole[key] = copy = dict(inner)
        whole = copy
    whole[keys[-1]] = model

"""Parameters under the names by which nodes ask for them (PAR-1 to PAR-6)."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from msgspec import UNSET

from kedro_asgi.io.tree import SCALARS
from kedro_asgi.reserved_names import ALL_PARAMETERS, PARAMS_PREFIX
from kedro_asgi.validation.models import fields_of

_NO_MODELS: Mapping[str, Any] = MappingProxyType({})


class ParameterView:
    """Looks parameters up as ``parameters`` and ``params:a.b`` in the mapping itself, which it never changes.

    Fields of models are found as keys of mappings are (PAR-16). ``models`` are what nodes ask for by these very
    paths; they are found first.
    """

    __slots__ = ("models", "whole")

    def __init__(self, parameters: Mapping[str, Any], models: Mapping[str, Any] = _NO_MODELS) -> None:
        self.whole = parameters
        self.models = models

    def find(self, name: str) -> Any:
        """Return the value of ``name``, or UNSET if there is no such parameter."""
        if not name.startswith(PARAMS_PREFIX):
            return self.whole if name == ALL_PARAMETERS else UNSET
        path = name[len(PARAMS_PREFIX) :]
        return self.models[path] if path in self.models else _find(self.whole, path)

    def is_ambiguous(self, name: str) -> bool:
        """Tell whether ``name`` is written twice: as a key with a dot, and as one key under another (PAR-3)."""
        path = name[len(PARAMS_PREFIX) :]
        return name.startswith(PARAMS_PREFIX) and "." in path and len(_all_found(self.whole, path)) > 1

    def names(self) -> list[str]:
        """Return every name once, in the order of the mapping (PAR-2)."""
        return list(self.flat())

    def flat(self) -> dict[str, Any]:
        """Return every name with its value; the values are those of the mapping (PAR-2, PAR-3)."""
        named = {PARAMS_PREFIX + path: value for path, value in _items(self.whole)}
        return {
            ALL_PARAMETERS: self.whole,
            **named,
            **{PARAMS_PREFIX + path: model for path, model in self.models.items()},
        }


def _find(parameters: Mapping[Any, Any], path: str) -> Any:
    if "." not in path and path in parameters:
        return parameters[path]
    candidates = [key for key in _prefixes(path) if key in parameters]
    # A literal key 'a.b' and a key 'b' under 'a' are one name, and the later one has it (PAR-3); keys that are
    # no strings are asked for by their text.
    found = _find_under(parameters, candidates[0], path) if len(candidates) == 1 else UNSET
    return found if found is not UNSET else _last_found(parameters, path)


def _last_found(parameters: Mapping[Any, Any], path: str) -> Any:
    return next(iter(reversed(_all_found(parameters, path))), UNSET)


def _all_found(parameters: Mapping[Any, Any], path: str) -> list[Any]:
    return [found for key in parameters if (found := _find_under(parameters, key, path)) is not UNSET]


def _find_under(parameters: Mapping[Any, Any], key: Any, path: str) -> Any:
    text, value = str(key), parameters[key]
    if text == path:
        return value
    if path.startswith(f"{text}.") and (under := _under(value)) is not None:
        return _find(under, path[len(text) + 1 :])
    return UNSET


def _under(value: Any) -> Mapping[Any, Any] | None:
    if isinstance(value, Mapping):
        return value
    return None if type(value) in SCALARS else fields_of(value)


def _prefixes(path: str) -> Iterator[str]:
    yield path
    while "." in path:
        path = path.rpartition(".")[0]
        yield path


def _items(parameters: Mapping[Any, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in parameters.items():
        yield str(key), value
        if (under := _under(value)) is not None:
            yield from ((f"{key}.{path}", inner) for path, inner in _items(under))

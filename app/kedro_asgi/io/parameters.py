"""Parameters under the names that nodes use: ``parameters`` and ``params:a.b``."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from msgspec import UNSET

from kedro_asgi.io.copying import IMMUTABLE_TYPES
from kedro_asgi.reserved_names import ALL_PARAMETERS, PARAMS_PREFIX
from kedro_asgi.validation.models import fields_of

_NO_MODELS: Mapping[str, object] = {}
# Keys of parameters need not be texts.
_Tree: TypeAlias = Mapping[Any, object]


class ParameterView:
    """Looks parameters up in the mapping itself, and never changes it.

    A field of a model is found like a key of a mapping (PAR-16). ``models`` holds the models that nodes ask for, by
    path; they are found first.
    """

    __slots__ = ("models", "whole")

    def __init__(self, parameters: Mapping[str, object], models: Mapping[str, object] = _NO_MODELS) -> None:
        self.whole = parameters
        self.models = models

    def find(self, name: str) -> object:
        """Return the value of ``name``, or UNSET if there is no such parameter."""
        if not name.startswith(PARAMS_PREFIX):
            return self.whole if name == ALL_PARAMETERS else UNSET
        path = name[len(PARAMS_PREFIX) :]
        if path in self.models:
            return self.models[path]
        return self.whole[path] if path in self.whole and "." not in path else _find(self.whole, path)

    def is_ambiguous(self, name: str) -> bool:
        """Tell whether ``name`` occurs twice: as a key with a dot, and as a key under another key (PAR-3)."""
        path = name[len(PARAMS_PREFIX) :]
        if not name.startswith(PARAMS_PREFIX) or "." not in path:
            return False
        return len(_candidates(self.whole, path)) != 1 and len(_all_found(self.whole, path)) > 1

    def names(self) -> list[str]:
        """Return every name once, in the order of the mapping."""
        return list(self.flat())

    def flat(self) -> dict[str, object]:
        """Return every name with its value, which is not copied."""
        named = {PARAMS_PREFIX + path: value for path, value in _items(self.whole)}
        return {
            ALL_PARAMETERS: self.whole,
            **named,
            **{PARAMS_PREFIX + path: model for path, model in self.models.items()},
        }


def _find(parameters: _Tree, path: str) -> object:
    candidates = _candidates(parameters, path)
    # A literal key 'a.b' and a key 'b' under 'a' have the same name, and the later one wins (PAR-3). A key that is
    # no string is found by its text.
    found = _find_under(parameters, candidates[0], path) if len(candidates) == 1 else UNSET
    return found if found is not UNSET else _last_found(parameters, path)


def _candidates(parameters: _Tree, path: str) -> list[str]:
    return [key for key in _prefixes(path) if key in parameters]


def _last_found(parameters: _Tree, path: str) -> object:
    return next(iter(reversed(_all_found(parameters, path))), UNSET)


def _all_found(parameters: _Tree, path: str) -> list[object]:
    return [found for key in parameters if (found := _find_under(parameters, key, path)) is not UNSET]


def _find_under(parameters: _Tree, key: object, path: str) -> object:
    text, value = str(key), parameters[key]
    if text == path:
        return value
    if path.startswith(f"{text}.") and (under := _under(value)) is not None:
        return _find(under, path[len(text) + 1 :])
    return UNSET


def _under(value: object) -> _Tree | None:
    if isinstance(value, Mapping):
        return value
    return None if type(value) in IMMUTABLE_TYPES else fields_of(value)


def _prefixes(path: str) -> Iterator[str]:
    yield path
    while "." in path:
        path = path.rpartition(".")[0]
        yield path


def _items(parameters: _Tree) -> Iterator[tuple[str, object]]:
    for key, value in parameters.items():
        yield str(key), value
        if (under := _under(value)) is not None:
            yield from ((f"{key}.{path}", inner) for path, inner in _items(under))

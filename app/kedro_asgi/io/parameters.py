"""Parameters under the names by which nodes ask for them (PAR-1 to PAR-6)."""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import UNSET

_WHOLE = "parameters"
_PREFIX = "params:"


class ParameterView:
    """Looks parameters up as ``parameters`` and ``params:a.b`` in the mapping itself, which it never changes."""

    __slots__ = ("whole",)

    def __init__(self, parameters: Mapping[str, Any]) -> None:
        self.whole = parameters

    def find(self, name: str) -> Any:
        """Return the value of ``name``, or UNSET if there is no such parameter."""
        if name.startswith(_PREFIX):
            return _find(self.whole, name[len(_PREFIX) :])
        return self.whole if name == _WHOLE else UNSET

    def names(self) -> list[str]:
        """Return every name once, in the order of the mapping (PAR-2)."""
        return list(self.flat())

    def flat(self) -> dict[str, Any]:
        """Return every name with its value; the values are those of the mapping (PAR-2, PAR-3)."""
        return {_WHOLE: self.whole, **{_PREFIX + path: value for path, value in _items(self.whole)}}


def _find(parameters: Mapping[Any, Any], path: str) -> Any:
    if "." not in path and path in parameters:
        return parameters[path]
    candidates = [key for key in _prefixes(path) if key in parameters]
    # A literal key 'a.b' and a key 'b' under 'a' are one name, and the later one has it (PAR-3); keys that are
    # no strings are asked for by their text.
    found = _find_under(parameters, candidates[0], path) if len(candidates) == 1 else UNSET
    return found if found is not UNSET else _last_found(parameters, path)


def _last_found(parameters: Mapping[Any, Any], path: str) -> Any:
    under = (_find_under(parameters, key, path) for key in reversed(tuple(parameters)))
    return next((found for found in under if found is not UNSET), UNSET)


def _find_under(parameters: Mapping[Any, Any], key: Any, path: str) -> Any:
    text, value = str(key), parameters[key]
    if text == path:
        return value
    if isinstance(value, Mapping) and path.startswith(f"{text}."):
        return _find(value, path[len(text) + 1 :])
    return UNSET


def _prefixes(path: str) -> Iterator[str]:
    yield path
    while "." in path:
        path = path.rpartition(".")[0]
        yield path


def _items(parameters: Mapping[Any, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in parameters.items():
        yield str(key), value
        if isinstance(value, Mapping):
            yield from ((f"{key}.{path}", under) for path, under in _items(value))

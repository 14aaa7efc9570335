"""Dataset factory patterns: names with placeholders, and which of them a name matches (CAT-17 to CAT-29)."""

import re
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from kedro_asgi.errors import DatasetPatternError
from kedro_asgi.io.placeholder import tokens

RUNTIME_DEFAULT = "{default}"
_PART = re.compile(r"\{\{|\}\}|\{(?P<key>[^{}]*)\}")
# What a typed placeholder, {year:d}, may match; an untyped one takes one or more characters of any kind.
_KINDS = MappingProxyType(
    {
        "": r".+?",
        "d": r"[-+ ]?\d+",
        "D": r"\D+",
        "w": r"\w+",
        "W": r"\W+",
        "s": r"\s+",
        "S": r"\S+",
        "l": r"[A-Za-z]+",
        "x": r"[-+]?(?:0[xX])?[0-9a-fA-F]+",
    }
)


def is_pattern(name: str) -> bool:
    """Tell whether ``name`` has a placeholder, so that it stands for many datasets."""
    return "{" in name


class Match(NamedTuple):
    """The pattern that a name matches, and the text of each placeholder."""

    pattern: str
    placeholders: Mapping[str, str]


class Pattern:
    """One pattern. Placeholders take as little as they can, from the left; one that is repeated, the same."""

    __slots__ = ("_keys", "_regex", "specificity", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.specificity = len(text) - sum(map(len, tokens(text)))
        source, self._keys = _regex(text)
        self._regex = re.compile(source, re.DOTALL)

    @property
    def rank(self) -> tuple[int, int, str]:
        """The place among other patterns, best first (CAT-19)."""
        return -self.specificity, -self.text.count("{"), self.text

    def match(self, name: str) -> Match | None:
        """Return the texts of the placeholders if all of ``name`` matches, case included (Q-22)."""
        found = self._regex.fullmatch(name)
        if not found:
            return None
        return Match(self.text, {key: _value(key, found[group]) for key, group in self._keys.items()})

    def matches_ignoring_case(self, name: str) -> bool:
        return bool(re.fullmatch(self._regex.pattern, name, re.DOTALL | re.IGNORECASE))

    def check(self, texts: Iterable[str]) -> None:
        """Raise DatasetPatternError if ``texts``, the values of the body, use placeholders it lacks (CAT-21)."""
        unknown = sorted({token for text in texts for token in tokens(text) if token not in self.text})
        if unknown:
            raise DatasetPatternError(
                f"Incorrect dataset configuration provided. Keys used in the configuration "
                f"{{{', '.join(map(repr, unknown))}}} should present in the dataset pattern name {self.text}."
            )


class Patterns:
    """The patterns of a catalog, best first, with the one that catches every name apart (CAT-19, CAT-20)."""

    def __init__(self, texts: Iterable[str]) -> None:
        ranked = sorted((Pattern(text) for text in texts), key=lambda pattern: pattern.rank)
        self._specific = tuple(pattern for pattern in ranked if pattern.specificity)
        catch_all = [pattern for pattern in ranked if not pattern.specificity]
        if len(catch_all) > 1:
            raise DatasetPatternError(
                "Multiple catch-all patterns found in the catalog: "
                f"{', '.join(pattern.text for pattern in catch_all)}. There can be one at most."
            )
        self.catch_all = catch_all[0] if catch_all else None

    def __iter__(self) -> Iterator[Pattern]:
        yield from self._specific
        if self.catch_all:
            yield self.catch_all

    def match(self, name: str) -> Match | None:
        """Return the match of the best pattern that is no catch-all."""
        return next((match for pattern in self._specific if (match := pattern.match(name))), None)

    def near_miss(self, name: str) -> str | None:
        """Return the pattern that ``name`` would match if case did not count."""
        return next((p.text for p in self._specific if p.matches_ignoring_case(name)), None)


def _regex(text: str) -> tuple[str, dict[str, str]]:
    """Return a regular expression for ``text``, and the group that holds each key."""
    keys: dict[str, str] = {}
    parts: list[str] = []
    end = 0
    for part in _PART.finditer(text):
        parts += re.escape(text[end : part.start()]), _part_regex(text, part, keys)
        end = part.end()
    return "".join((*parts, re.escape(text[end:]))), keys


def _part_regex(text: str, part: re.Match[str], keys: dict[str, str]) -> str:
    key = part["key"]
    if key is None:
        return re.escape(part[0][0])
    kind = _KINDS.get(key.partition(":")[2])
    if kind is None:
        raise DatasetPatternError(
            f"Placeholder '{part[0]}' of the dataset pattern '{text}' has a format that is not supported; "
            f"known are {', '.join(filter(None, _KINDS))}."
        )
    if not key:
        return f"(?:{kind})"
    if key in keys:
        return f"(?P={keys[key]})"
    keys[key] = f"p{len(keys)}"
    return f"(?P<{keys[key]}>{kind})"


def _value(key: str, text: str) -> str:
    return str(int(text)) if key.endswith(":d") else text

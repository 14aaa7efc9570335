"""Dataset factory patterns: names with placeholders, and which of them a name matches (CAT-17)."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from kedro_asgi.errors import DatasetPatternError
from kedro_asgi.placeholders import find_placeholders

RUNTIME_DEFAULT = "{default}"
_PART = re.compile(r"\{\{|\}\}|\{(?P<key>[^{}]*)\}")
_LONGEST = 200
# The texts that a typed placeholder, such as {year:d}, matches; an untyped one matches any one or more characters.
_KINDS: Mapping[str, str] = {
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


def is_pattern(name: str) -> bool:
    """Tell whether ``name`` has a placeholder, so that it stands for many datasets."""
    return "{" in name


class Match(NamedTuple):
    """The pattern that a name matches, and the text of each placeholder."""

    pattern: str
    placeholders: Mapping[str, str]


class Pattern:
    """One pattern. From the left, each placeholder matches as little as it can; a repeated one matches the same text.

    Names may come from a request, so matching takes time linear in the name. Only patterns with types or repeated
    placeholders are regular expressions, and these match no name of more than `_LONGEST` characters.
    """

    __slots__ = ("_matcher", "specificity", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.specificity = len(text) - sum(map(len, find_placeholders(text)))
        self._matcher = PlainPattern.of(text) or TypedPattern(text)

    @property
    def rank(self) -> tuple[int, int, str]:
        """The sort key among other patterns, best first."""
        return -self.specificity, -self.text.count("{"), self.text

    def match(self, name: str) -> Match | None:
        """Return the match of the whole of ``name``, case-sensitive, or ``None`` (Q-22)."""
        placeholders = self._matcher.match(name)
        return None if placeholders is None else Match(self.text, placeholders)

    def matches_ignoring_case(self, name: str) -> bool:
        return self._matcher.matches_ignoring_case(name)

    def check(self, texts: Iterable[str]) -> None:
        """Raise DatasetPatternError if ``texts``, the values of the body, use placeholders that the name lacks."""
        unknown = sorted({found for text in texts for found in find_placeholders(text) if found not in self.text})
        if unknown:
            raise DatasetPatternError(
                f"Incorrect dataset configuration provided. Keys used in the configuration "
                f"{{{', '.join(map(repr, unknown))}}} should present in the dataset pattern name {self.text}."
            )


class PlainPattern:
    """Literals, and between each two a placeholder that matches any one or more characters."""

    __slots__ = ("_keys", "_literals", "_lowered")

    def __init__(self, literals: list[str], keys: list[str]) -> None:
        self._literals = literals
        self._lowered = [literal.lower() for literal in literals]
        self._keys = keys

    @classmethod
    def of(cls, text: str) -> "PlainPattern | None":
        """Return ``text`` as a pattern, or ``None`` if a placeholder has a type or occurs twice."""
        literals, keys, end = [""], list[str](), 0
        for part in _PART.finditer(text):
            literals[-1] += text[end : part.start()]
            end = part.end()
            if part["key"] is None:
                literals[-1] += part[0][0]
            else:
                literals.append("")
                keys.append(part["key"])
        literals[-1] += text[end:]
        named = [key for key in keys if key]
        return None if any(":" in key for key in keys) or len(set(named)) < len(named) else cls(literals, keys)

    def match(self, name: str) -> dict[str, str] | None:
        """Return the text of each placeholder that has a name."""
        texts = _texts_between(self._literals, name)
        return None if texts is None else {key: text for key, text in zip(self._keys, texts, strict=True) if key}

    def matches_ignoring_case(self, name: str) -> bool:
        return _texts_between(self._lowered, name.lower()) is not None


def _texts_between(literals: list[str], name: str) -> list[str] | None:
    """Return the texts between ``literals`` in ``name``, each literal as far left as possible; ``None``: no match."""
    first, *middle, last = literals
    if not middle and len(literals) == 1:
        return [] if name == first else None
    start, end = len(first), len(name) - len(last)
    if not (name.startswith(first) and name.endswith(last)):
        return None
    texts = []
    for literal in middle:
        found = name.find(literal, start + 1, end)
        if found < 0:
            return None
        texts.append(name[start:found])
        start = found + len(literal)
    return [*texts, name[start:end]] if end > start else None


class TypedPattern:
    """A pattern with placeholders that have types, ``{year:d}``, or occur twice: a regular expression."""

    __slots__ = ("_keys", "_regex")

    def __init__(self, text: str) -> None:
        source, self._keys = _regex(text)
        self._regex = re.compile(source, re.DOTALL)

    def match(self, name: str) -> dict[str, str] | None:
        """Return the text of each placeholder that has a name."""
        found = self._regex.fullmatch(name) if len(name) <= _LONGEST else None
        return {key: _value(key, found[group]) for key, group in self._keys.items()} if found else None

    def matches_ignoring_case(self, name: str) -> bool:
        is_short = len(name) <= _LONGEST
        return is_short and bool(re.fullmatch(self._regex.pattern, name, re.DOTALL | re.IGNORECASE))


class Patterns:
    """The patterns of a catalog, best first; the catch-all, which matches every name, stands apart."""

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
        """Return the match of the best pattern other than the catch-all."""
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

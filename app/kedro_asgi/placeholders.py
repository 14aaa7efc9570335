"""Placeholders, such as ``{name}``, in the texts of a dataset factory pattern."""

import re
from collections.abc import Iterator, Mapping

from kedro_asgi.errors import DatasetPatternError, StrayBraceError

_TOKEN = re.compile(r"\{.*?\}")
_PART = re.compile(r"\{\{|\}\}|\{(?P<key>[^{}]*)\}|[{}]")


def find_placeholders(text: str) -> Iterator[str]:
    """Yield the placeholders in ``text``, with their braces."""
    return iter(_TOKEN.findall(text)) if "{" in text else iter(())


def fill_placeholders(text: str, placeholders: Mapping[str, str]) -> str:
    """Return ``text`` with its placeholders replaced; a text without ``}`` stays as it is (CAT-22).

    ``placeholders`` maps the text between the braces to its value. A doubled brace means a literal one; a stray brace
    raises StrayBraceError.
    """

    def fill(part: re.Match[str]) -> str:
        token, key = part[0], part["key"]
        if key is not None:
            return _value(key, placeholders)
        if token in ("{{", "}}"):
            return token[0]
        raise StrayBraceError(token, text)

    return _PART.sub(fill, text) if "}" in text else text


def _value(key: str, placeholders: Mapping[str, str]) -> str:
    if key not in placeholders:
        raise DatasetPatternError(f"Placeholder '{{{key}}}' is unknown: only {sorted(placeholders)} have values here.")
    return placeholders[key]

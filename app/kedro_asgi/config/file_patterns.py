"""The patterns of file names for each kind of configuration."""

import re
from collections.abc import Iterable, Mapping, Sequence

DEFAULT_PATTERNS: Mapping[str, Sequence[str]] = {
    "catalog": ("catalog*", "catalog*/**", "**/catalog*"),
    "parameters": ("parameters*", "parameters*/**", "**/parameters*"),
    "credentials": ("credentials*", "credentials*/**", "**/credentials*"),
    "globals": ("globals.yml",),
}
_TOKEN = re.compile(r"\*\*/|\*\*|\*|\?|\[!?[^\]]+\]|.", re.DOTALL)


def matching(files: Iterable[str], patterns: Sequence[str]) -> list[str]:
    """Return the ``files`` that any of ``patterns`` matches; ``*`` stays in one folder, ``**`` does not."""
    expressions = [_expression(pattern) for pattern in patterns]
    return [file for file in files if any(expression.fullmatch(file) for expression in expressions)]


def is_hidden(file: str) -> bool:
    """Whether a file or a folder on the way to it starts with a dot."""
    return any(part.startswith(".") for part in file.split("/"))


def _expression(pattern: str) -> re.Pattern[str]:
    return re.compile("".join(map(_translated, _TOKEN.findall(pattern))), re.DOTALL)


def _translated(token: str) -> str:
    wild = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    if token in wild:
        return wild[token]
    return token.replace("[!", "[^") if len(token) > 1 else re.escape(token)

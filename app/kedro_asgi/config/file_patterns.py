"""The patterns of file names for each kind of configuration."""

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from kedro_asgi.errors import FilePatternError

DEFAULT_PATTERNS: Mapping[str, Sequence[str]] = {
    "catalog": ("catalog*", "catalog*/**", "**/catalog*"),
    "parameters": ("parameters*", "parameters*/**", "**/parameters*"),
    "credentials": ("credentials*", "credentials*/**", "**/credentials*"),
    "globals": ("globals.yml",),
}
_WILDCARDS = frozenset("*?[")


def split_pattern(pattern: str) -> tuple[str, list[str]]:
    """Return the folder that ``pattern`` names without wildcards, and its other parts, of which the last names files.

    A pattern is a path: ``./``, doubled slashes and slashes at the ends mean nothing, and ``..`` leads upwards.
    Raises `FilePatternError` for ``**`` within a name.
    """
    parts = [part for part in pattern.split("/") if part not in ("", ".")]
    if any("**" in part and part != "**" for part in parts):
        raise FilePatternError(pattern)
    fixed = 0
    while fixed < len(parts) - 1 and not _WILDCARDS.intersection(parts[fixed]):
        fixed += 1
    return "/".join(parts[:fixed]), parts[fixed:]


def matching(files: Iterable[str], parts: Sequence[str]) -> list[str]:
    """Return the ``files`` that match the parts of a pattern: ``*`` stays in one folder, ``**`` does not."""
    return [file for file in files if _is_match(file.split("/"), parts)]


def is_hidden(file: str) -> bool:
    """Whether a file or a folder on the way to it starts with a dot."""
    return any(part.startswith(".") and part not in (".", "..") for part in file.split("/"))


def _is_match(names: Sequence[str], parts: Sequence[str]) -> bool:
    if not parts:
        return not names
    if parts[0] == "**":
        first = 1 if len(parts) == 1 else 0
        return any(_is_match(names[skipped:], parts[1:]) for skipped in range(first, len(names) + 1))
    return bool(names) and fnmatchcase(names[0], parts[0]) and _is_match(names[1:], parts[1:])

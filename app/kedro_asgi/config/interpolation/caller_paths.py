"""Where a caller's value may lead the path of a dataset: below the place that the author of the catalog wrote."""

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePath

_ROOT = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:|[/\\~]")
_STEP_UP = re.compile(r"(?:^|[/\\])\.\.(?=[/\\]|$)")
# A URL, and what fsspec reads as one path within another.
_LINK = re.compile(r"://|::")
_AUTHORITY = re.compile(r"[^:/\\]+://([^/\\?#]*)")
_HOW = "unless 'allowed_paths' of [tool.kedro-asgi] names the place"


def path_problem(path: str, *, beginning: str, texts: Iterable[str], allowed: Sequence[str]) -> str | None:
    """Return why a path that holds a caller's text is refused, or ``None``.

    ``texts`` are the author's own parts of it, and ``beginning`` is the one at its beginning. ``allowed`` are folders
    and URLs to which callers may lead.
    """
    authored = "".join(texts)
    if _count(_STEP_UP, path) > _count(_STEP_UP, authored):
        return "must not lead upwards with '..'"
    if _is_allowed(path, allowed):
        return None
    root = _ROOT.match(path)
    if root is not None and not (path.startswith(beginning) and beginning.startswith(root[0])):
        return f"must not be an absolute path, a home folder or a URL, {_HOW}"
    if _count(_LINK, path) > _count(_LINK, authored) or _has_user(path) > _has_user(beginning):
        return f"must not lead to another place, {_HOW}"
    return None


def leads_elsewhere(text: str, *, allowed: Sequence[str]) -> bool:
    """Tell whether a text of a caller could lead a path to another place."""
    return ".." in text or path_problem(text, beginning="", texts=(), allowed=allowed) is not None


def _count(pattern: re.Pattern[str], text: str) -> int:
    return len(pattern.findall(text))


def _has_user(url: str) -> bool:
    """Tell whether a URL has a user before its host.

    In ``https://a.org@b.org`` the text before ``@`` only looks like the host.
    """
    found = _AUTHORITY.match(url)
    return found is not None and "@" in found[1]


def _is_allowed(path: str, allowed: Sequence[str]) -> bool:
    return bool(allowed) and not _STEP_UP.search(path) and any(_is_below(path, place) for place in allowed)


def _is_below(path: str, place: str) -> bool:
    if "://" in place:
        is_same_host = _has_user(path) == _has_user(place)
        return path.startswith(place if place.endswith("/") else f"{place}/") and is_same_host and "::" not in path
    return not _LINK.search(path) and PurePath(path).is_relative_to(place)

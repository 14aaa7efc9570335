"""Removes credentials from text before it reaches a log, a record or the wire."""

import fnmatch
import re
from collections.abc import Callable, Iterable

# The text may come from a request, so each pattern takes linear time: it never scans a word twice.
_URL = re.compile(r"(?P<web>https?|wss?)?://(?P<rest>[^\s'\"<>]*+)")
_AUTHORITY = re.compile(r"(?<![\w.+\-%/@:])[\w.+\-%]++:[^\s@/:'\"]++@(?=[\w\[])")
_ONE_WORD = re.compile(r"[^\s]+")
_REDACTED = "<redacted>"

# Finds what says, in a name such as ``api_key``, that its value is a secret.
names_secret = re.compile(r"passw|secret|token|credential|(?:api|private|access)_?key", re.IGNORECASE).search


def secret_names(patterns: Iterable[str]) -> Callable[[str], object]:
    """Return what finds the names of secrets: as `names_secret` does, and by ``patterns`` such as ``*pin*``."""
    translated = [fnmatch.translate(pattern) for pattern in patterns]
    if not translated:
        return names_secret
    matches = re.compile("|".join(translated), re.IGNORECASE).match
    return lambda name: names_secret(name) or matches(name)


def redact(text: str) -> str:
    """Return ``text`` with user info, queries and fragments of URLs replaced by ``<redacted>`` (CAT-66).

    Also replaces ``user:password@host`` without a scheme (Q-23).
    """
    if not ("://" in text or "@" in text or "?" in text or "#" in text):
        return text
    if _ONE_WORD.fullmatch(text) and "://" not in text:
        return _redact_word(text)
    return _AUTHORITY.sub(f"{_REDACTED}@", _URL.sub(_redact_url, text))


def _redact_url(match: re.Match[str]) -> str:
    return f"{match['web'] or ''}://{_redact_query(_redact_user(match['rest'], is_web=bool(match['web'])))}"


def _redact_user(rest: str, *, is_web: bool) -> str:
    """Redact all before the last ``@``, because a password may hold a slash; but not a host with its port."""
    authority, slash, path = rest.partition("/")
    if "@" in authority:
        return f"{_REDACTED}@{authority.rpartition('@')[2]}{slash}{path}"
    _, colon, port = authority.rpartition(":")
    if "@" not in path or not colon or (is_web and port.isdecimal()):
        return rest
    return f"{_REDACTED}@{path.rpartition('@')[2]}"


def _redact_query(rest: str) -> str:
    rest, hash_, _ = rest.partition("#")
    rest, question, _ = rest.partition("?")
    return f"{rest}{'?' + _REDACTED if question else ''}{'#' + _REDACTED if hash_ else ''}"


def _redact_word(text: str) -> str:
    """Redact a word without a scheme: ``user@host/db``, ``user:pw@host``, ``/p?x=1``, but not ``report@2024.csv``."""
    user, at, host = text.rpartition("@")
    is_drive = user[1:2] == ":"
    if at and ((":" in user and not is_drive) or ("/" not in user and "/" in host)):
        text = f"{_REDACTED}@{host}"
    return _redact_query(text)

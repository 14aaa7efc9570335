"""Take credentials out of text before it reaches a log, a record or the wire."""

import re

_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]*)://(?P<rest>[^\s'\"<>]*)")
_AUTHORITY = re.compile(r"(?<![\w/@:])[\w.+\-%]+:[^\s@/:'\"]+@(?=[\w\[])")
_BARE = re.compile(r"[^\s]+")
_MARK = "<redacted>"


def redact(text: str) -> str:
    """Return ``text`` with user info, queries and fragments of URLs replaced by ``<redacted>``.

    Follows CAT-66; ``user:password@host`` is also replaced where no scheme stands before it (Q-23).
    """
    if not ("://" in text or "@" in text or "?" in text or "#" in text):
        return text
    if _BARE.fullmatch(text) and "://" not in text:
        return _redact_bare(text)
    return _AUTHORITY.sub(f"{_MARK}@", _URL.sub(_redact_url, text))


def _redact_url(match: re.Match[str]) -> str:
    return f"{match['scheme']}://{_redact_tail(_redact_user(match['rest']))}"


def _redact_user(rest: str) -> str:
    authority, slash, path = rest.partition("/")
    _, at, host = authority.rpartition("@")
    return f"{_MARK}@{host}{slash}{path}" if at else rest


def _redact_tail(rest: str) -> str:
    rest, hash_, _ = rest.partition("#")
    rest, question, _ = rest.partition("?")
    return f"{rest}{'?' + _MARK if question else ''}{'#' + _MARK if hash_ else ''}"


def _redact_bare(text: str) -> str:
    """A word without a scheme: ``user@host/db``, ``user:pw@host`` and ``/p?x=1``, but not ``report@2024.csv``."""
    user, at, host = text.partition("@")
    if at and "/" not in user and (":" in user or "/" in host):
        text = f"{_MARK}@{host}"
    return _redact_tail(text)

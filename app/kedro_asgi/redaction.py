"""Take credentials out of text before it reaches a log, a record or the wire."""

import re

# Each takes time linear in the text, which may come from a request: no scan starts within a word that was scanned.
_URL = re.compile(r"(?P<web>https?|wss?)?://(?P<rest>[^\s'\"<>]*+)")
_AUTHORITY = re.compile(r"(?<![\w.+\-%/@:])[\w.+\-%]++:[^\s@/:'\"]++@(?=[\w\[])")
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
    return f"{match['web'] or ''}://{_redact_tail(_redact_user(match['rest'], is_web=bool(match['web'])))}"


def _redact_user(rest: str, *, is_web: bool) -> str:
    """A password may hold a slash, so what stands before the last ``@`` goes, unless it is a host and its port."""
    authority, slash, path = rest.partition("/")
    if "@" in authority:
        return f"{_MARK}@{authority.rpartition('@')[2]}{slash}{path}"
    _, colon, port = authority.rpartition(":")
    if "@" not in path or not colon or (is_web and port.isdecimal()):
        return rest
    return f"{_MARK}@{path.rpartition('@')[2]}"


def _redact_tail(rest: str) -> str:
    rest, hash_, _ = rest.partition("#")
    rest, question, _ = rest.partition("?")
    return f"{rest}{'?' + _MARK if question else ''}{'#' + _MARK if hash_ else ''}"


def _redact_bare(text: str) -> str:
    """A word without a scheme: ``user@host/db``, ``user:pw@host`` and ``/p?x=1``, but not ``report@2024.csv``."""
    user, at, host = text.rpartition("@")
    is_drive = user[1:2] == ":"
    if at and ((":" in user and not is_drive) or ("/" not in user and "/" in host)):
        text = f"{_MARK}@{host}"
    return _redact_tail(text)

"""Bearer tokens: made at random, and known to the server by their SHA-256 only."""

import hashlib
import hmac
import re
import secrets
import shlex
from collections.abc import Iterable, Iterator

import msgspec

from kedro_asgi.errors import ServerSettingsError
from kedro_asgi.errors.wording import quoted
from kedro_asgi.server.access.caller import SCOPES, AccessScope, Caller

# Scanners of repositories and logs find tokens by such a prefix.
TOKEN_PREFIX = "kat_"
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
_FORM = "a line is: NAME sha256:HASH SCOPE,… [pipelines=NAME,…]"


class TokenEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One token, as its file has it."""

    digest: str
    caller: Caller


class TokenTable:
    """The tokens of a server, by their hashes."""

    def __init__(self, entries: Iterable[TokenEntry] = ()) -> None:
        # A digest leads to itself, as it was listed, and to its caller.
        self._entries = {(digest := bytes.fromhex(entry.digest)): (digest, entry.caller) for entry in entries}

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, digest: bytes) -> Caller | None:
        """Return the caller with the token of this SHA-256.

        A token has 256 random bits, so a plain SHA-256 is enough. How far two hashes agree says nothing about the
        token, so neither does the time that the look-up takes.
        """
        found = self._entries.get(digest)
        return found[1] if found is not None and hmac.compare_digest(found[0], digest) else None


def digest_of(token: str) -> bytes:
    """Return the SHA-256 of a token, as it stands in a header."""
    return hashlib.sha256(token.encode("latin-1")).digest()


def make_token() -> str:
    """Return a new token, of 256 random bits."""
    return TOKEN_PREFIX + secrets.token_urlsafe(32)


def token_line(name: str, token: str, scopes: Iterable[AccessScope], pipelines: Iterable[str] = ()) -> str:
    """Return the line of a token, which holds its hash; raises `ServerSettingsError` for what a line cannot hold."""
    limits = [f"pipelines={','.join(pipelines)}"] if pipelines else []
    digest = hashlib.sha256(token.encode()).hexdigest()
    line = shlex.join([name, f"sha256:{digest}", ",".join(scopes), *limits])
    parse_tokens(line, source="the new token")
    return line


def parse_tokens(text: str, *, source: str) -> list[TokenEntry]:
    """Return the tokens in lines of text; ``#`` begins a comment. Raises `ServerSettingsError`."""
    entries = list(_entries(text, source))
    for kind, values in (("name", [each.caller.name for each in entries]), ("hash", [e.digest for e in entries])):
        if twice := sorted({value for value in values if values.count(value) > 1}):
            raise ServerSettingsError(f"Two tokens in {source} have the same {kind}: {quoted(twice)}.")
    return entries


def _entries(text: str, source: str) -> Iterator[TokenEntry]:
    for number, line in enumerate(text.splitlines(), 1):
        line_name = f"line {number} of {source}"
        try:
            words = shlex.split(line, comments=True)
        except ValueError as error:
            raise _wrong(line_name, str(error)) from error
        if words:
            yield _entry(words, line_name)


def _entry(words: list[str], line_name: str) -> TokenEntry:
    # A wrong line is not quoted: it may hold a token itself.
    if not 3 <= len(words) <= 4:
        raise _wrong(line_name, f"it has {len(words)} words")
    if not words[0].strip() or not words[0].isprintable():
        raise _wrong(line_name, "its name is blank, or has characters that cannot be printed")
    name, digest, scopes = words[0], _DIGEST.fullmatch(words[1].lower()), words[2].split(",")
    if digest is None:
        raise _wrong(line_name, "its second word is no hash")
    if unknown := sorted(set(scopes) - SCOPES):
        raise _wrong(line_name, f"there is no scope {quoted(unknown)}, only {quoted(sorted(SCOPES))}")
    pipelines = _pipelines(words[3], line_name) if len(words) == 4 else None
    return TokenEntry(digest=digest[1], caller=Caller(name=name, scopes=frozenset(scopes), pipelines=pipelines))


def _pipelines(word: str, line_name: str) -> frozenset[str]:
    key, _, names = word.partition("=")
    pipelines = frozenset(name for name in names.split(",") if name)
    if key != "pipelines" or not pipelines:
        raise _wrong(line_name, "its fourth word must be pipelines=NAME,…")
    return pipelines


def _wrong(line_name: str, problem: str) -> ServerSettingsError:
    return ServerSettingsError(f"{line_name[0].upper()}{line_name[1:]} is no token: {problem}; {_FORM}.")

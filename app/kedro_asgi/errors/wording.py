"""Parts of messages."""

import re
import signal
from collections.abc import Iterable, Sequence
from itertools import accumulate, islice

# Control characters, line and paragraph separators, characters that turn the direction of text, half surrogate pairs.
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

# A comparison takes long, and names come from callers: in any number, and of any length.
_LONGEST = 1000
_MANY = 10


def close_matches(name: str, known: Iterable[str]) -> list[str]:
    """Return up to three of the ``known`` names that resemble ``name``, best first (SES-8).

    If none does, return those that differ in case only, or that are the default name of a node with that function. A
    name of more than `_LONGEST` characters resembles none.
    """
    if len(name) > _LONGEST:
        return []
    # Needed only for errors, and it takes a millisecond to import.
    from difflib import get_close_matches

    names = list(known)
    return get_close_matches(name, names) or [found for found in names if _is_meant(found.lower(), name.lower())][:3]


def _is_meant(known: str, name: str) -> bool:
    return known == name or (bool(name) and known.rpartition(".")[2].startswith(f"{name}__"))


def all_close_matches(names: Iterable[str], known: Iterable[str]) -> list[str]:
    """Return the ``known`` names that resemble any of the first of ``names``, each once."""
    known = list(known)
    return list(dict.fromkeys(match for name in islice(names, _MANY) for match in close_matches(name, known)))


def suggestion(matches: Sequence[str], *, stop: str = "") -> str:
    """Return a question that suggests ``matches``, to follow a sentence and its ``stop``; nothing without matches."""
    return f"{stop} Did you mean {quoted(matches)}?" if matches else ""


def quoted(names: Iterable[str]) -> str:
    """Return quoted names with commas between them."""
    return ", ".join(map(repr, names))


def braced(names: Iterable[object]) -> str:
    """Return names as Python prints a set of them, but sorted."""
    return f"{{{', '.join(sorted(map(repr, names)))}}}"


def class_path(cls: type) -> str:
    """Return the dotted path of ``cls``."""
    return f"{cls.__module__}.{cls.__qualname__}"


def shortened(text: str, length: int) -> str:
    """Return ``text`` in at most ``length`` characters."""
    return text if len(text) <= length else f"{text[: length - 3]}..."


def bounded(text: str, length: int, *, left_out: int = 0) -> str:
    """Return ``text`` cut to ``length`` characters, and how many are left out, ``left_out`` of them before."""
    left_out += max(0, len(text) - length)
    return f"{text[:length]}… ({left_out} characters left out)" if left_out else text


def bounded_names(names: Sequence[str], length: int) -> tuple[str, ...]:
    """Return as many ``names`` as ``length`` characters hold, and then how many are left out."""
    totals = accumulate(map(len, names))
    kept = sum(total <= length for total in totals)
    return tuple(names) if kept == len(names) else (*names[:kept], f"… ({len(names) - kept} names left out)")


def mebibytes(size_bytes: int) -> str:
    """Return a size in MiB."""
    return f"{size_bytes / 2**20:.0f} MiB"


def one_line(text: str) -> str:
    r"""Return ``text`` with each newline and other control character as an escape such as ``\n``.

    Text from a caller or a project can then not forge a line of a log, nor control a terminal.
    """
    return _UNPRINTABLE.sub(_escape, text)


def indented(text: str) -> str:
    """Return ``text`` with all lines but the first indented, and other control characters as escapes."""
    if text.isprintable():
        return text
    first, *others = text.replace("\r\n", "\n").split("\n")
    return "\n    ".join(one_line(line).replace("\\t", "\t") for line in (first, *others))


def _escape(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape", "backslashreplace").decode()


def describe_ending(exit_code: int | None) -> str:
    """Return how a process ended; the code is negative for a signal, and ``None`` if it is unknown."""
    if exit_code is None:
        return "the reason is unknown"
    if exit_code >= 0:
        return f"it ended with exit code {exit_code}"
    name = next((known.name for known in signal.Signals if known == -exit_code), f"signal {-exit_code}")
    return f"{name} ended it{', as happens when memory runs out' if name == 'SIGKILL' else ''}"

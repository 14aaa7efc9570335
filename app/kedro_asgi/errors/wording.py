"""Parts of messages."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches


def close_matches(name: str, known: Iterable[str]) -> list[str]:
    """Return up to three of the ``known`` names that resemble ``name``, best first (SES-8)."""
    return get_close_matches(name, list(known))


def suggestion(matches: Sequence[str]) -> str:
    """Return a question that suggests ``matches``, to follow a sentence; nothing if there are none."""
    return f" Did you mean {quoted(matches)}?" if matches else ""


def quoted(names: Iterable[str]) -> str:
    """Return quoted names with commas between them."""
    return ", ".join(map(repr, names))


def braced(names: Iterable[object]) -> str:
    """Return names as Python prints a set of them, but sorted."""
    return f"{{{', '.join(sorted(map(repr, names)))}}}"


def shortened(text: str, length: int) -> str:
    """Return ``text`` in at most ``length`` characters."""
    return text if len(text) <= length else f"{text[: length - 3]}..."

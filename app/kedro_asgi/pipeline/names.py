"""The dataset names of a node, in the shape in which they were given: one, a list, a dict, or none."""

from collections.abc import Callable

Names = str | list[str] | dict[str, str] | None


def listed(names: Names) -> list[str]:
    """Return the names as a new list."""
    match names:
        case None:
            return []
        case str():
            return [names]
        case dict():
            return list(names.values())
        case _:
            return list(names)


def renamed(names: Names, rename: Callable[[str], str]) -> Names:
    """Return the names in their shape, each changed."""
    match names:
        case None:
            return None
        case str():
            return rename(names)
        case dict():
            return {key: rename(name) for key, name in names.items()}
        case _:
            return [rename(name) for name in names]


def copied(names: Names) -> Names:
    """Return the names in a shape that nobody else can change."""
    return names.copy() if isinstance(names, list | dict) else names


def frozen(names: Names) -> object:
    """Return the names as something to compare, hash and sort by; the order of a dict does not count (PIP-14)."""
    match names:
        case list():
            return tuple(names)
        case dict():
            return tuple(sorted(names.items(), key=str))
        case _:
            return names


def printed(names: list[str]) -> str:
    """Return the names as a node prints them (PIP-15)."""
    return f"[{';'.join(names)}]" if names else "None"

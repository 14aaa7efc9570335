"""Arguments of a run that callers give by position, in the order of Kedro's signatures."""

from collections.abc import Mapping, Sequence
from typing import Any

from kedro_asgi.run_arguments import RunArguments

_TAGS, *_OTHERS = (name for name in RunArguments.__annotations__ if name not in ("inputs", "retries"))

AFTER_PIPELINE_NAMES = (_TAGS, "runner", *_OTHERS)
"""The names of Kedro's arguments that follow ``pipeline_names``."""


def by_name(positional: Sequence[Any], named: Mapping[str, Any], *, order: Sequence[str]) -> dict[str, Any]:
    """Return ``named`` with the ``positional`` arguments by their names in ``order``; ``None`` is no argument.

    Raises ``TypeError``, as Python does, for too many arguments and for one that is given twice.
    """
    if len(positional) > len(order):
        raise TypeError(f"run() takes at most {len(order)} positional arguments after 'pipeline_names'")
    given = dict(zip(order, positional, strict=False))
    if twice := [name for name in given if named.get(name) is not None]:
        raise TypeError(f"run() got multiple values for argument '{twice[0]}'")
    return {**named, **given}

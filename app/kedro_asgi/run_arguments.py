"""The keyword arguments that every way to run shares."""

from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any, TypedDict

from kedro_asgi.retries import Retries

Names = Iterable[str] | None
"""Names as a caller gives them; a bare string stands for a list of one (Q-26)."""


class RunArguments(TypedDict, total=False):
    """The keyword arguments that every way to run shares: sessions, dispatcher, client and command line.

    Each is a field of `Slice` or of `RunSpec`, in the order of Kedro's signatures; Kedro has no ``inputs`` and no
    ``retries``. The ways differ in ``pipeline_names``, ``outputs`` and the runner, so those stand in the signatures.
    """

    tags: Names
    node_names: Names
    from_nodes: Names
    to_nodes: Names
    from_inputs: Names
    to_outputs: Names
    load_versions: Mapping[str, str] | None
    namespaces: Names
    only_missing_outputs: bool
    inputs: Mapping[str, Any] | None
    retries: Retries | Mapping[str, Any] | None


class ParameterArguments(RunArguments, total=False):
    """The keyword arguments of a run that brings parameters of its own: ``params`` and ``runtime_params`` are the same.

    Requests say ``params``, and Kedro's signatures ``runtime_params``.
    """

    runtime_params: Mapping[str, Any] | None
    params: Mapping[str, Any] | None


def pop_params(arguments: MutableMapping[str, Any]) -> Mapping[str, Any] | None:
    """Take the parameters, under either name, out of `ParameterArguments`; raises ``TypeError`` for both."""
    found = [value for name in ("runtime_params", "params") if (value := arguments.pop(name, None)) is not None]
    if len(found) > 1:
        raise TypeError("'params' and 'runtime_params' are the same: give one of them")
    return found[0] if found else None


def names_of(names: Names) -> tuple[str, ...]:
    """Return the names that a caller gave."""
    if names is None:
        return ()
    return (names,) if isinstance(names, str) else tuple(names)

"""Checks that the nodes of one pipeline do not conflict."""

from collections import Counter
from collections.abc import Iterable, Sequence

from kedro_asgi.errors import ConfirmNotUniqueError, OutputNotUniqueError
from kedro_asgi.pipeline.node import Node
from kedro_asgi.pipeline.transcoding import base_name, check_not_mixed


def check_nodes(nodes: Sequence[Node]) -> None:
    """Raise `MixedTranscodingError`, `OutputNotUniqueError` or `ConfirmNotUniqueError`."""
    check_not_mixed(name for node in nodes for name in (*node.inputs, *node.outputs))
    if repeated := _repeated(name for node in nodes for name in node.outputs):
        raise OutputNotUniqueError(repeated)
    if repeated := _repeated(name for node in nodes for name in node.confirms):
        raise ConfirmNotUniqueError(repeated)


def _repeated(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(map(base_name, names)).items() if count > 1]

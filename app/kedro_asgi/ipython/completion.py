"""Completes names of datasets and nodes with the Tab key."""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Protocol

from IPython.core.error import TryNext

from kedro_asgi.io import DataCatalog
from kedro_asgi.ipython.shell import Shell

_DATASET_CALL = r".*\b(\w+)\.(?:load|save|exists|release|confirm|get)\(\s*['\"]([^'\"]*)$"
_NODE_MAGIC = r"\s*%load_node\s+(.*)$"


class _Request(Protocol):
    text_until_cursor: str
    symbol: str


def offer_names(shell: Shell) -> None:
    """Complete the names of datasets in calls such as ``catalog.load("…``, and those of nodes after ``%load_node``."""
    for pattern, names in {_DATASET_CALL: _dataset_names, _NODE_MAGIC: _node_names}.items():
        shell.set_hook("complete_command", partial(_complete, pattern=pattern, names=names), re_key=pattern)


def _complete(
    shell: Shell,
    request: _Request,
    *,
    pattern: str,
    names: Callable[[Mapping[str, Any], re.Match[str]], Iterable[str]],
) -> list[str]:
    """Return what may stand in place of the request's symbol, which may be the end of a name only (``params:a``)."""
    found = re.match(pattern, request.text_until_cursor)
    if found is None:
        raise TryNext
    typed = found.groups()[-1]
    start = max(0, len(typed) - len(request.symbol))
    return [name[start:] for name in names(shell.user_ns, found) if name.startswith(typed)]


def _dataset_names(variables: Mapping[str, Any], found: re.Match[str]) -> Iterable[str]:
    catalog = variables.get(found[1])
    return catalog.keys() if isinstance(catalog, DataCatalog) else ()


def _node_names(variables: Mapping[str, Any], found: re.Match[str]) -> Iterable[str]:
    pipelines = variables.get("pipelines") or {}
    return sorted({node.name for pipeline in pipelines.values() for node in pipeline.nodes})

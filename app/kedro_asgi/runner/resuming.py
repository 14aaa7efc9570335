"""The nodes from which a new run can go on after one that failed."""

import logging
from collections.abc import Callable, Iterable
from functools import partial

from kedro_asgi.failures import note_resumption
from kedro_asgi.io import DataCatalog
from kedro_asgi.io.dataset import is_persistent
from kedro_asgi.pipeline import Node, Pipeline
from kedro_asgi.pipeline.transcoding import base_name


def hint_at_resuming(
    error: Exception, pipeline: Pipeline, done: Iterable[Node], catalog: DataCatalog, *, log: logging.Logger
) -> None:
    """Log and note after ``error`` from which nodes a new run can go on."""
    done = set(done)
    names = note_resuming(error, pipeline, done, catalog)
    if not done:
        log.warning("No nodes ran. Repeat the previous command to attempt a new run.")
    elif names:
        log.warning(
            'There are %d nodes that have not run.\nTo go on from where the run failed, add: --from-nodes "%s"',
            len(pipeline.nodes) - len(done),
            ",".join(names),
        )


def note_resuming(error: BaseException, pipeline: Pipeline, done: Iterable[Node], catalog: DataCatalog) -> list[str]:
    """Note in ``error`` from which nodes a new run can go on, and return their names.

    There are none if nothing is done, or if nothing is left.
    """
    done = set(done)
    left = [node for node in pipeline.nodes if node not in done]
    is_loadable = partial(is_name_persistent, catalog=catalog)
    names = resume_nodes(pipeline, left, is_loadable) if done and left else []
    note_resumption(error, names)
    return names


def resume_nodes(
    pipeline: Pipeline, left: Iterable[Node], is_loadable: Callable[[str], bool], *, across_formats: bool = False
) -> list[str]:
    """Return the names of the nodes from which a new run does what is ``left``, sorted.

    These are the first of the nodes that are left, of the nodes that make their inputs again where a new run cannot
    load these, and of all nodes behind those. Kedro's hint makes ``x@b`` again only where a node saves it by that name
    (RUN-33); ``across_formats`` also takes the node that saves ``x@a``.
    """
    name_of = base_name if across_formats else str
    parents = pipeline.node_dependencies
    needed = set(left)
    again = list(needed)
    while again:
        node = again.pop()
        missing = {name_of(name) for name in node.inputs if not is_loadable(name)}
        makers = {parent for parent in parents[node] if missing.intersection(map(name_of, parent.outputs))} - needed
        needed |= makers
        again.extend(makers)
    # Nodes come in topological order, so that one pass finds all that is behind them.
    for node in pipeline.nodes:
        if not needed.isdisjoint(parents[node]):
            needed.add(node)
    return sorted(node.name for node in needed if needed.isdisjoint(parents[node]))


def is_name_persistent(name: str, catalog: DataCatalog) -> bool:
    """Tell whether ``catalog`` has a dataset ``name`` whose data outlives the run."""
    return name in catalog and is_persistent(catalog[name])

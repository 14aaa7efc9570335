"""Run the nodes of a pipeline at a time, each as soon as the nodes before it are done."""

import os
from collections.abc import Callable
from concurrent.futures import Executor, Future, wait
from contextvars import copy_context
from queue import SimpleQueue

from kedro_asgi.pipeline import Node, Pipeline
from kedro_asgi.runner.release import Releases


def worker_count(max_workers: int | None) -> int:
    """Return how many workers to use at most: as many as there are CPUs, unless told (RUN-2)."""
    if max_workers is not None and max_workers <= 0:
        raise ValueError("max_workers should be positive")
    return max_workers or os.cpu_count() or 1


def workers_for(pipeline: Pipeline, max_workers: int) -> int:
    """Return how many workers a pipeline can keep busy (RUN-4)."""
    nodes, layers = len(pipeline.nodes), len(pipeline.grouped_nodes)
    return max(1, min(nodes - layers + 1, max_workers))


def run_graph(pipeline: Pipeline, execute: Callable[[Node], Node], executor: Executor, releases: Releases) -> None:
    """Execute every node on ``executor``, ready ones in topological order.

    After a failure nothing new starts and what runs is waited for (Q-30); then the first failure is raised.
    """
    waiting = {node: len(parents) for node, parents in pipeline.node_dependencies.items()}
    children = pipeline.node_children
    running: set[Future[Node]] = set()
    # In the order in which they end, which tells the first failure from those after it.
    ended: SimpleQueue[Future[Node]] = SimpleQueue()

    def submit(node: Node) -> None:
        future = executor.submit(copy_context().run, execute, node)
        running.add(future)
        future.add_done_callback(ended.put)

    for node in pipeline.nodes:
        if not waiting[node]:
            submit(node)
    try:
        while running:
            future = ended.get()
            running.discard(future)
            node = future.result()
            releases.after(node)
            for child in children[node]:
                waiting[child] -= 1
                if not waiting[child]:
                    submit(child)
    except BaseException:
        for future in running:
            future.cancel()
        wait(running)
        raise

"""The order in which the nodes of a run have their turns."""

import os
from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextvars import copy_context
from queue import SimpleQueue

from kedro_asgi.pipeline import Node, Pipeline
from kedro_asgi.runner.release import Releases

Execute = Callable[[Node], None]


def worker_count(max_workers: int | None) -> int:
    """Return how many workers to use at most: as many as there are CPUs, unless told (RUN-2)."""
    if max_workers is None:
        return os.cpu_count() or 1
    if not isinstance(max_workers, int):
        raise TypeError(f"max_workers should be a whole number, not {max_workers!r}")
    if max_workers <= 0:
        raise ValueError("max_workers should be positive")
    return max_workers


def workers_for(pipeline: Pipeline, max_workers: int) -> int:
    """Return how many workers a pipeline can keep busy (RUN-4)."""
    if max_workers == 1:
        return 1
    nodes, layers = len(pipeline.nodes), len(pipeline.grouped_nodes)
    return max(1, min(nodes - layers + 1, max_workers))


def run_in_order(pipeline: Pipeline, execute: Execute, releases: Releases) -> None:
    """Execute every node in this thread, one after another."""
    for node in pipeline.nodes:
        execute(node)
        releases.after(node)


def run_graph(
    pipeline: Pipeline,
    execute: Execute,
    executor: Executor,
    releases: Releases,
    *,
    interrupt: Callable[[], None] | None = None,
) -> None:
    """Execute every node on ``executor`` as soon as the nodes before it are done, ready ones in topological order.

    After a failure nothing new starts, also of what was submitted, and what runs is waited for (Q-30); then the first
    failure is raised. ``interrupt`` is called where this thread is interrupted, to end what runs.
    """
    turns = _Turns(execute, executor)
    waiting = {node: len(parents) for node, parents in pipeline.node_dependencies.items()}
    children = pipeline.node_children
    try:
        for node in pipeline.nodes:
            if not waiting[node]:
                turns.submit(node)
        while turns.are_left:
            node = turns.next_done()
            releases.after(node)
            for child in children[node]:
                waiting[child] -= 1
                if not waiting[child]:
                    turns.submit(child)
    except KeyboardInterrupt as error:
        turns.stop(error)
        if interrupt is not None:
            interrupt()
        raise
    except BaseException as error:
        turns.stop(error)
        raise
    finally:
        turns.wait()


class _Turns:
    """Nodes that were submitted, and those that are done, in the order in which they ended."""

    def __init__(self, execute: Execute, executor: Executor) -> None:
        self._execute = execute
        self._executor = executor
        self._left = 0
        self._ended: SimpleQueue[Future[Node]] = SimpleQueue()
        self._failures: list[BaseException] = []

    @property
    def are_left(self) -> bool:
        return self._left > 0

    def submit(self, node: Node) -> None:
        future = self._executor.submit(copy_context().run, self._turn, node)
        self._left += 1
        future.add_done_callback(self._ended.put)

    def next_done(self) -> Node:
        """Wait for a node to end and return it; raises the first failure of any."""
        future = self._ended.get()
        self._left -= 1
        if not self._failures:
            return future.result()
        # The error must not hold what holds it, or data of the run would stay until the garbage is collected.
        del future
        raise self._failures[0]

    def stop(self, error: BaseException) -> None:
        """Let nothing start any more because of ``error``."""
        self._failures.append(error)

    def wait(self) -> None:
        """Wait for what was submitted, then forget what failed."""
        while self._left:
            self._ended.get()
            self._left -= 1
        self._failures = []

    def _turn(self, node: Node) -> Node:
        if self._failures:
            return node
        try:
            self._execute(node)
        except BaseException as error:
            self._failures.append(error)
            raise
        return node

"""Run the steps of a pipeline on an executor, each as soon as the steps before it are done."""

import os
from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextvars import copy_context
from queue import SimpleQueue

from kedro_asgi.pipeline import Pipeline
from kedro_asgi.pipeline.steps import Releases, Step, Steps

RunStep = Callable[[Step], None]


def worker_count(max_workers: int | None) -> int:
    """Return how many workers to use at most: as many as there are CPUs, unless told."""
    if max_workers is None:
        return os.cpu_count() or 1
    if not isinstance(max_workers, int):
        raise TypeError(f"max_workers should be a whole number, not {max_workers!r}")
    if max_workers <= 0:
        raise ValueError("max_workers should be positive")
    return max_workers


def workers_for(pipeline: Pipeline, max_workers: int) -> int:
    """Return how many workers a pipeline can keep busy."""
    nodes, layers = len(pipeline.nodes), len(pipeline.grouped_nodes)
    return max(1, min(nodes - layers + 1, max_workers))


def run_graph(
    steps: Steps,
    run_step: RunStep,
    executor: Executor,
    *,
    release: Callable[[str], None],
    interrupt: Callable[[], None],
    give_up: Callable[[], None],
) -> None:
    """Run every step on ``executor`` as soon as the steps before it are done, ready ones in topological order.

    ``release`` is called with each dataset that no step needs any more. After a failure no further step starts, not
    even a submitted one, and this thread waits for those that run; then it raises the first failure.
    ``interrupt`` ends those that run where this thread is interrupted; ``give_up`` ends waits for another attempt.
    """
    submitted = _Submitted(run_step, executor, give_up)
    releases = Releases(steps.consumers, {*steps.free_inputs, *steps.free_outputs})
    waits_for = [step.waits_for for step in steps.in_order]
    try:
        for step in steps.in_order:
            if not step.waits_for:
                submitted.submit(step)
        while submitted.has_more:
            done = submitted.next_done()
            for name in releases.after(done.inputs, done.outputs):
                release(name)
            for child in done.children:
                waits_for[child] -= 1
                if not waits_for[child]:
                    submitted.submit(steps.in_order[child])
    except KeyboardInterrupt as error:
        submitted.stop(error)
        interrupt()
        raise
    except BaseException as error:
        submitted.stop(error)
        raise
    finally:
        submitted.wait()


class _Submitted:
    """The steps that were submitted, and those that are done, in the order in which they ended."""

    def __init__(self, run_step: RunStep, executor: Executor, give_up: Callable[[], None]) -> None:
        self._run_step = run_step
        self._give_up = give_up
        self._executor = executor
        self._pending = 0
        self._done: SimpleQueue[Future[Step]] = SimpleQueue()
        self._failures: list[BaseException] = []

    @property
    def has_more(self) -> bool:
        return self._pending > 0

    def submit(self, step: Step) -> None:
        future = self._executor.submit(copy_context().run, self._run, step)
        self._pending += 1
        future.add_done_callback(self._done.put)

    def next_done(self) -> Step:
        """Wait for a step to end and return it; raises the first failure of any."""
        future = self._done.get()
        self._pending -= 1
        if not self._failures:
            return future.result()
        # The error must not refer to what refers to it, or data of the run stays until the garbage is collected.
        del future
        raise self._failures[0]

    def stop(self, error: BaseException) -> None:
        """Let no further step start because of ``error``."""
        self._failures.append(error)
        self._give_up()

    def wait(self) -> None:
        """Wait for all submitted steps, then forget the failures."""
        while self._pending:
            self._done.get()
            self._pending -= 1
        self._failures = []

    def _run(self, step: Step) -> Step:
        if self._failures:
            return step
        try:
            self._run_step(step)
        except BaseException as error:
            self._failures.append(error)
            raise
        return step

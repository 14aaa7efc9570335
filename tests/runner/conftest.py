"""All runners, and processes that the tests of runners share as the runs of a session do."""

from collections.abc import Callable, Iterator, Mapping

import pytest
from recorder import Recorder

from kedro_asgi.runner import AbstractRunner, ParallelRunner, SequentialRunner, ThreadRunner
from kedro_asgi.runner.worker_pool import WorkerPool

RUNNERS: Mapping[str, Callable[[], AbstractRunner]] = {
    "sequential": SequentialRunner,
    "thread": ThreadRunner,
    "thread of one": lambda: ThreadRunner(max_workers=1),
    "parallel": lambda: ParallelRunner(max_workers=2),
    "sequential async": lambda: SequentialRunner(is_async=True),
    "parallel async": lambda: ParallelRunner(max_workers=2, is_async=True),
}


@pytest.fixture(scope="package")
def processes() -> Iterator[WorkerPool]:
    warm = WorkerPool()
    yield warm
    warm.close()


@pytest.fixture(params=list(RUNNERS))
def runner(request: pytest.FixtureRequest, processes: WorkerPool) -> AbstractRunner:
    return RUNNERS[request.param]().using(processes)


@pytest.fixture(params=[name for name in RUNNERS if "async" not in name])
def sync_runner(request: pytest.FixtureRequest, processes: WorkerPool) -> AbstractRunner:
    """A runner that loads and saves one dataset after another."""
    return RUNNERS[request.param]().using(processes)


@pytest.fixture(params=[name for name in RUNNERS if "async" in name])
def async_runner(request: pytest.FixtureRequest, processes: WorkerPool) -> AbstractRunner:
    """A runner that loads and saves a node's datasets at a time."""
    return RUNNERS[request.param]().using(processes)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()

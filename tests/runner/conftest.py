"""All runners, and processes that the tests of runners share as the runs of a session do."""

from collections.abc import Callable, Iterator, Mapping

import pytest
from dask_workers import dask_workers
from distributed import Client
from recorder import Recorder

from kedro_asgi.runner import AbstractRunner, DaskRunner, ParallelRunner, SequentialRunner, ThreadRunner
from kedro_asgi.runner.worker_pool import WorkerPool

RUNNERS: Mapping[str, Callable[[], AbstractRunner]] = {
    "sequential": SequentialRunner,
    "thread": ThreadRunner,
    "thread of one": lambda: ThreadRunner(max_workers=1),
    "parallel": lambda: ParallelRunner(max_workers=2),
    "sequential async": lambda: SequentialRunner(is_async=True),
    "parallel async": lambda: ParallelRunner(max_workers=2, is_async=True),
}
CLUSTER_RUNNERS = {"dask": False, "dask async": True}
_ASYNC_CLUSTER = pytest.param("dask async", marks=pytest.mark.slow)
ALL_RUNNERS = [*RUNNERS, "dask", _ASYNC_CLUSTER]


@pytest.fixture(scope="package")
def processes() -> Iterator[WorkerPool]:
    warm = WorkerPool()
    yield warm
    warm.close()


@pytest.fixture(scope="package")
def dask_client() -> Iterator[Client]:
    """A client of a cluster of two workers with a thread each."""
    with dask_workers(2) as address, Client(address, set_as_default=False) as client:
        yield client


@pytest.fixture
def dask_runner(dask_client: Client) -> Iterator[DaskRunner]:
    runner = DaskRunner(client=dask_client)
    yield runner
    runner.close()


def make_runner(request: pytest.FixtureRequest) -> AbstractRunner:
    """Return the runner of the fixture's parameter; processes and a cluster start when a test needs them."""
    name = request.param
    if name in RUNNERS:
        return RUNNERS[name]().using(request.getfixturevalue("processes"))
    runner = DaskRunner(client=request.getfixturevalue("dask_client"), is_async=CLUSTER_RUNNERS[name])
    request.addfinalizer(runner.close)
    return runner


@pytest.fixture(params=list(RUNNERS))
def local_runner(request: pytest.FixtureRequest) -> AbstractRunner:
    """A runner of this machine."""
    return make_runner(request)


@pytest.fixture(params=ALL_RUNNERS)
def runner(request: pytest.FixtureRequest) -> AbstractRunner:
    return make_runner(request)


@pytest.fixture(params=[*(name for name in RUNNERS if "async" not in name), "dask"])
def sync_runner(request: pytest.FixtureRequest) -> AbstractRunner:
    """A runner that loads and saves one dataset after another."""
    return make_runner(request)


@pytest.fixture(params=[*(name for name in RUNNERS if "async" in name), _ASYNC_CLUSTER])
def async_runner(request: pytest.FixtureRequest) -> AbstractRunner:
    """A runner that loads and saves a node's datasets at a time."""
    return make_runner(request)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()

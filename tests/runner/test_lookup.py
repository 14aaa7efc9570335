"""A name stands for a class of the allowed modules (SRV-25, SRV-26)."""

import sys
from types import ModuleType

import pytest

from kedro_asgi.bridge import preserve_logging
from kedro_asgi.errors import NotARunnerError, RunnerNotAllowedError
from kedro_asgi.runner import DaskRunner, ParallelRunner, SequentialRunner, ThreadRunner
from kedro_asgi.runner.lookup import as_our_runner, find_runner, load_runner, runner_path


@pytest.mark.parametrize(
    "path",
    [
        "ThreadRunner",
        "kedro.runner.ThreadRunner",
        "kedro.runner.thread_runner.ThreadRunner",
        "kedro_asgi.runner.ThreadRunner",
    ],
)
def test_names_of_kedros_mean_ours(path: str) -> None:
    assert find_runner(path, package_name="mine") is ThreadRunner


def test_hooks_see_runners_in_the_form_of_kedro(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "kedro", raising=False)
    assert runner_path(SequentialRunner()) == "kedro_asgi.runner.sequential_runner.SequentialRunner"
    monkeypatch.setitem(sys.modules, "kedro", ModuleType("kedro"))
    assert runner_path(DaskRunner()) == "<kedro_asgi.runner.dask_runner.DaskRunner object>"
    assert runner_path(ThreadRunner()) == "<kedro.runner.thread_runner.ThreadRunner object>"


def test_the_runner_that_kedro_does_not_have_is_found_by_the_same_names() -> None:
    assert find_runner("DaskRunner", package_name="mine") is DaskRunner
    assert find_runner("kedro_asgi.runner.DaskRunner", package_name="mine") is DaskRunner


def test_no_name_is_the_sequential_runner() -> None:
    assert find_runner(None, package_name="mine") is SequentialRunner


@pytest.mark.parametrize("path", ["os.path", "mineral.Runner", "kedro.runners.X", "subprocess.Popen"])
def test_modules_elsewhere_are_not_imported(path: str) -> None:
    with pytest.raises(RunnerNotAllowedError, match=r"is not allowed"):
        find_runner(path, package_name="mine")


def test_more_modules_may_be_allowed() -> None:
    with pytest.raises(NotARunnerError, match="not a subclass of AbstractRunner"):
        find_runner("collections.abc.Mapping", package_name="mine", allowlist=["collections"])


@pytest.mark.parametrize(
    ("path", "error"),
    [("Nope", AttributeError), ("no_such_module.Runner", ModuleNotFoundError), ("Task", NotARunnerError)],
)
def test_what_is_no_runner_is_refused(path: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        load_runner(path)


def test_an_instance_of_kedros_is_replaced_by_ours_with_its_arguments() -> None:
    with preserve_logging():
        import kedro.runner

    adopted = as_our_runner(kedro.runner.ThreadRunner(max_workers=3))
    assert (type(adopted), adopted._max_workers) == (ThreadRunner, 3)
    adopted = as_our_runner(kedro.runner.SequentialRunner(is_async=True))
    assert (type(adopted), adopted._is_async) == (SequentialRunner, True)
    assert as_our_runner(ParallelRunner) is None

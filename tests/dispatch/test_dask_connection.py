"""The executor of a Dask cluster where Dask cannot be used."""

import sys
from pathlib import Path

import anyio
import pytest

from kedro_asgi.dask_options import DaskOptions
from kedro_asgi.dispatch import Dispatcher, ExecutorChoice
from kedro_asgi.runs import RunOrder, RunSpec
from kedro_asgi.session import AsyncSession
from project_files import write_project

pytestmark = pytest.mark.anyio


async def test_runs_fail_if_dask_cannot_be_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As with a version of Dask that lacks what the executor imports.
    monkeypatch.delitem(sys.modules, "kedro_asgi.dispatch.executors.dask.cluster", raising=False)
    monkeypatch.setitem(sys.modules, "distributed.scheduler", None)
    choice = ExecutorChoice(default="dask", dask=DaskOptions(scheduler="tcp://127.0.0.1:1"))
    async with Dispatcher(AsyncSession.create(write_project(tmp_path, {})), executor=choice) as runs:
        with anyio.fail_after(60):
            early, late = [(await runs.run(RunOrder(spec=RunSpec()))).record for _ in range(2)]
        assert (early.error.type, late.error.type) == ("ClusterError", "ClusterError")
        assert early.error.message.startswith("The server cannot connect with a Dask cluster: ModuleNotFoundError: ")
        assert runs.executor_problem == early.error.message

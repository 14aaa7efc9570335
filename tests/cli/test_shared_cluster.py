"""One Dask cluster for the processes of a command, where their runs need one."""

import os
from pathlib import Path

import pytest

from kedro_asgi.cli.shared_cluster import shared_cluster
from kedro_asgi.server.configuration import ServerConfiguration

VARIABLE = "KEDRO_SERVER_DASK_SCHEDULER"


def configured(project: Path, **settings: str) -> ServerConfiguration:
    environ = {f"KEDRO_SERVER_{name.upper()}": value for name, value in settings.items()}
    return ServerConfiguration.read(project_path=project, environ={"KEDRO_SERVER_EXECUTOR": "dask", **environ})


@pytest.mark.parametrize("settings", [{"max_concurrent_runs": "0"}, {"dask_scheduler": "tcp://127.0.0.1:1"}])
def test_no_cluster_starts_that_no_run_needs(tiny: Path, settings: dict[str, str]) -> None:
    with shared_cluster(configured(tiny, **settings), 2):
        assert VARIABLE not in os.environ


@pytest.mark.slow
def test_processes_share_a_cluster(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # So that the variable is as it was, after the command has set it.
    monkeypatch.setenv(VARIABLE, "")
    with shared_cluster(configured(tiny), 2):
        assert os.environ[VARIABLE].startswith("tcp://")

"""Projects that import Kedro, with their nodes in worker processes."""

import logging

import pytest

from kedro_asgi.runner import ParallelRunner
from kedro_asgi.session import KedroServiceSession

SAYING = """
import logging
import os
from kedro.pipeline import Pipeline, node

log = logging.getLogger(__name__)

def say(x):
    log.warning("working on %s", x)
    return os.getpid()

def create_pipeline(**kwargs):
    return Pipeline([node(say, "params:a", f"p{n}", name=f"n{n}") for n in range(2)])
"""


def test_nodes_in_worker_processes_log_in_the_parent(
    kedro_project, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Importing Kedro in a worker process configures logging there, which must have no effect."""
    files = {"src/{package}/pipelines/saying/__init__.py": SAYING}
    with KedroServiceSession.create(project_path=kedro_project(files=files)) as session:
        for _ in range(2):
            session.run(pipeline_names=["saying"], runner=ParallelRunner(max_workers=2))
    said = [record for record in caplog.records if record.getMessage() == "working on 1"]
    assert len(said) == 4
    assert {record.levelno for record in said} == {logging.WARNING}
    assert "working on" not in capfd.readouterr().err

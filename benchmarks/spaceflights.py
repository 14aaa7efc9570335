"""The spaceflights project of the tests, as it stands, with trained models."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from servers import HERE

from projects import SILENCE

sys.path.insert(0, str(HERE.parent / "tests" / "projects"))

from spaceflights_copy import add_folder_for_each_run, copy_spaceflights

PACKAGE = "bench_spaceflights"
MODEL = "baseline.regressor"
PREDICT: dict[str, Any] = {"pipeline_names": ["predict"]}
# The suite trains the models once, for all benchmarks.
TRAINED_VARIABLE = "BENCH_SPACEFLIGHTS"

_TRAIN = "import sys; from kedro_asgi.session import KedroServiceSession as S; S.create(project_path=sys.argv[1]).run()"


def write_trained_project(folder: Path) -> Path:
    """Write the project into ``folder``, silent and trained, with the environment ``each`` for concurrent full runs."""
    if trained := os.environ.get(TRAINED_VARIABLE):
        shutil.copytree(trained, folder)
        return folder
    project = copy_spaceflights(folder, package=PACKAGE)
    (project / "conf" / "logging.yml").write_text(SILENCE, encoding="utf-8")
    # Training imports much that the benchmark itself must not carry.
    environ = {**os.environ, "DO_NOT_TRACK": "1", "KEDRO_LOGGING_CONFIG": str(project / "conf" / "logging.yml")}
    subprocess.run([sys.executable, "-W", "ignore", "-c", _TRAIN, str(project)], check=True, env=environ)
    add_folder_for_each_run(project)
    return project


def offers(project: Path) -> list[dict[str, Any]]:
    """Return the offers that `predict` prices, as a caller sends them."""
    from plain_spaceflights import Script

    rows: list[dict[str, Any]] = json.loads(Script(project).load_offers().to_json(orient="records", date_format="iso"))
    return rows

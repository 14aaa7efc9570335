"""The spaceflights project: Kedro runs it as it stands, and what it writes is known."""

import subprocess
import sys
from pathlib import Path

import pytest

from kedro_asgi.session import KedroServiceSession
from projects.spaceflights_copy import outputs

WRITTEN = {
    "02_intermediate/clean_companies.parquet",
    "02_intermediate/clean_reviews.parquet",
    "02_intermediate/clean_shuttles.parquet",
    "03_primary/data_dictionary.json",
    "03_primary/model_table.parquet",
    "06_models/baseline/regressor.pkl/<version>/regressor.pkl",
    "06_models/candidate/regressor.pkl/<version>/regressor.pkl",
    "08_reporting/baseline/metrics.json/<version>/metrics.json",
    "08_reporting/candidate/metrics.json/<version>/metrics.json",
    "08_reporting/price_by_engine.json",
    "08_reporting/price_list/Chile.csv",
    "08_reporting/price_list/Kenya.csv",
    "08_reporting/price_list/Malta.csv",
    "08_reporting/price_list/Norway.csv",
    "08_reporting/price_list/Vietnam.csv",
    "08_reporting/report.json/<version>/report.json",
    "08_reporting/report.txt",
    "08_reporting/residuals.png",
}


def kedro(project: Path, *arguments: str) -> str:
    """Run Kedro's command in a process of its own, and return what it said."""
    line = [sys.executable, "-m", "kedro", *arguments]
    done = subprocess.run(line, cwd=project, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_kedro_runs_it(make_spaceflights) -> None:
    project = make_spaceflights()
    kedro(project, "run")
    assert outputs(project).keys() == WRITTEN
    kedro(project, "run", "--pipelines", "predict")


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_ported_to_this_engine_it_writes_the_same_bytes(make_spaceflights) -> None:
    original, ported = make_spaceflights("original"), make_spaceflights("ported", ported=True)
    kedro(original, "run")
    with KedroServiceSession.create(project_path=ported) as session:
        session.run()
    assert outputs(ported) == outputs(original)

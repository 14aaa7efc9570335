"""The spaceflights project, run by Kedro and by kedro-asgi."""

import subprocess
import sys
from pathlib import Path

import anyio
import httpx
import pytest

from kedro_asgi.server import create_http_server
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
    """Run Kedro's command in a new process and return its output."""
    line = [sys.executable, "-m", "kedro", *arguments]
    done = subprocess.run(line, cwd=project, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.slow
def test_kedro_runs_spaceflights(make_spaceflights) -> None:
    project = make_spaceflights()
    kedro(project, "run")
    assert outputs(project).keys() == WRITTEN
    kedro(project, "run", "--pipelines", "predict")


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_kedro_asgi_writes_the_same_bytes_as_kedro(make_spaceflights) -> None:
    theirs, ours, ported = (make_spaceflights(name, ported=name == "ported") for name in ("theirs", "ours", "ported"))
    kedro(theirs, "run")
    for project in (ours, ported):
        with KedroServiceSession.create(project_path=project) as session:
            session.run()
        assert outputs(project) == outputs(theirs)


@pytest.mark.anyio
@pytest.mark.filterwarnings("ignore")  # libraries silence warnings in the whole process, concurrent runs undo it
async def test_a_server_with_preloaded_models_predicts_from_sent_inputs(make_spaceflights) -> None:
    app = create_http_server(make_spaceflights(), preload=["*.regressor"])
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://s") as http:
        assert (await http.get("/ready")).status_code == 503
        assert (await http.post("/run", json={"pipeline_names": ["training"]})).json()["status"] == "success"
        assert (await http.get("/ready")).status_code == 200
        body = {"pipeline_names": ["predict"], "outputs": ["predictions", "offers"]}
        from_file = (await http.post("/run", json=body)).json()["outputs"]
        assert from_file["offers"][0]["valid_until"] == "2026-12-01T00:00:00"
        assert type(from_file["offers"][0]["seats"]) is int
        answers: dict[int, dict] = {}

        async def ask(number: int) -> None:
            offers = [{**offer, "offer_id": 100 * number + offer["offer_id"]} for offer in from_file["offers"]]
            answers[number] = (await http.post("/run", json={**body, "inputs": {"offers": offers}})).json()

        async with anyio.create_task_group() as tasks:
            for number in range(32):
                tasks.start_soon(ask, number)
    for number, answer in answers.items():
        expected = [{**row, "offer_id": 100 * number + row["offer_id"]} for row in from_file["predictions"]]
        assert answer["outputs"]["predictions"] == expected

"""The snippets of the migrating guide work as written, on a Kedro project as it stands."""

import re
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from kedro_asgi.session import KedroServiceSession

GUIDE = (Path(__file__).parent.parent / "docs" / "migrating.md").read_text(encoding="utf-8")
SCRIPT, FASTAPI = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
(CATALOG,) = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
ROWS = [{"offer_id": 1, "engines": 2, "seats": 9, "crew": 3, "rating": 0.9, "fleet_size": 4, "stars": 4.5}]

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.fixture
def names(make_spaceflights) -> dict[str, Any]:
    project = make_spaceflights()
    KedroServiceSession.create(project_path=project).run(pipeline_names=["training"])
    return {"project_root": project, "rows": ROWS, "__name__": "__main__"}


def test_a_session_in_a_script(names: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    exec(SCRIPT, names)
    printed = capsys.readouterr().out.splitlines()
    prices = [float(line.split()[1]) for line in printed]
    assert [line.split()[0] for line in printed] == ["4", "8", "16"]
    assert prices == sorted(prices)


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_operations_behind_fastapi(names: dict[str, Any]) -> None:
    exec(FASTAPI, names)
    app = names["app"]
    transport = httpx.ASGITransport(app=app)
    async with names["lifespan"](app), httpx.AsyncClient(transport=transport, base_url="http://app") as client:
        (priced,) = (await client.post("/prices", json=ROWS)).json()
        assert (priced["offer_id"], priced["price"] > 0) == (1, True)
        assert (await client.post("/prices", json=[{}])).status_code == 422
        assert (await client.get("/kedro/health")).json()["status"] == "healthy"


def test_a_path_that_depends_on_the_request(make_project) -> None:
    registry = """
    from kedro.pipeline import Pipeline, node

    def register_pipelines():
        return {"evaluation": Pipeline([node(abs, "params:a", "evaluation.score")])}
    """
    project = make_project(registry, catalog=CATALOG)
    session = KedroServiceSession.create(project_path=project, serving_mode=True)
    session.run(pipeline_names=["evaluation"], runtime_params={"eval_date": "2026-11-21"})
    (name,) = yaml.safe_load(CATALOG)
    assert name == "evaluation.score"
    assert (project / "data/07_model_output/score_2026-11-21.json").read_text() == "1"

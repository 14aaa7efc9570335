"""The rules of alerts, the queries of the documentation and an answer of ``/metrics``: promtool takes them."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
import yaml
from dockerfile import REPOSITORY

from kedro_asgi.dispatch.metrics import RunMetrics
from kedro_asgi.server import create_http_server
from kedro_asgi.server.http_metrics import HttpMetrics

ALERTS = REPOSITORY / "deploy/prometheus/alerts.yml"
PAGE = REPOSITORY / "docs/observing.md"


def queries() -> list[str]:
    """Return the queries of the documentation."""
    [block] = re.findall(r"```promql\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return [re.sub(r"^#.*\n", "", query).strip() for query in block.split("\n\n")]


def test_alerts_and_queries_name_families_that_there_are() -> None:
    names = {family.name for family in (*RunMetrics.families, *HttpMetrics.families)} | {"kedro_asgi_workers"}
    asked = re.findall(r"\bkedro_asgi_\w+", ALERTS.read_text() + "".join(queries()))
    assert {name.removesuffix("_bucket") for name in asked} - names == set()
    assert len(queries()) == 5


@pytest.mark.slow
def test_prometheus_takes_the_alerts_and_they_fire(tool: Callable[[str], str], tmp_path: Path) -> None:
    shutil.copy(ALERTS, tmp_path)
    shutil.copy(Path(__file__).with_name("alerts.test.yml"), tmp_path)
    subprocess.run([tool("promtool"), "test", "rules", "alerts.test.yml"], check=True, cwd=tmp_path)


@pytest.mark.slow
def test_prometheus_takes_the_queries_of_the_documentation(tool: Callable[[str], str], tmp_path: Path) -> None:
    rules = [{"record": f"query:{number}", "expr": query} for number, query in enumerate(queries())]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "documented", "rules": rules}]}))
    subprocess.run([tool("promtool"), "check", "rules", tmp_path / "rules.yml"], check=True)


@pytest.mark.slow
@pytest.mark.anyio
async def test_prometheus_finds_no_fault_in_the_metrics(tool: Callable[[str], str], tiny: Path) -> None:
    transport = httpx.ASGITransport(app=create_http_server(tiny))
    async with httpx.AsyncClient(transport=transport, base_url="http://server") as http:
        await http.post("/run", json={})
        answer = await http.get("/metrics")
    subprocess.run([tool("promtool"), "check", "metrics"], input=answer.content, check=True)

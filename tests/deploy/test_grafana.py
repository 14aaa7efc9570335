"""The dashboard for Grafana: its queries are valid, and name what a server exports."""

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from dockerfile import REPOSITORY

from kedro_asgi.server import create_http_server

DASHBOARD: dict[str, Any] = json.loads((REPOSITORY / "deploy/grafana/kedro-asgi.json").read_text())
# What Grafana puts in place of its own variables.
_BUILT_IN = {"$__rate_interval": "5m", "$__interval": "1m"}
_VARIABLES = {variable["name"] for variable in DASHBOARD["templating"]["list"]}


def expressions() -> Iterator[str]:
    """Yield each query of a panel, of a variable and of an annotation."""
    for panel in DASHBOARD["panels"]:
        yield from (target["expr"] for target in panel.get("targets", ()))
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["query"]["query"].removeprefix("label_values(").rpartition(",")[0]
    yield from (note["expr"] for note in DASHBOARD["annotations"]["list"] if "expr" in note)


def as_prometheus_gets_it(expression: str) -> str:
    for name, value in _BUILT_IN.items():
        expression = expression.replace(name, value)
    return re.sub(r"\$(\w+)", lambda found: ".*" if found[1] in _VARIABLES else found[0], expression)


def labels_of(samples: str) -> dict[str, set[str]]:
    """Return the labels of each metric of an answer of ``/metrics``."""
    labels: dict[str, set[str]] = {}
    for name, found in re.findall(r"^(\w+)(?:\{(.*)\})? \S+$", samples, re.MULTILINE):
        labels.setdefault(name, set()).update(re.findall(r"(\w+)=", found or ""))
    return labels


@pytest.mark.anyio
async def test_each_query_names_metrics_and_labels_of_a_server(tiny: Path) -> None:
    transport = httpx.ASGITransport(app=create_http_server(tiny, store="memory:"))
    async with httpx.AsyncClient(transport=transport, base_url="http://server") as http:
        await http.post("/run", json={})
        answer = (await http.get("/metrics")).text
    families = set(re.findall(r"^# TYPE (\w+)", answer, re.MULTILINE))
    labels = labels_of(answer)
    for expression in expressions():
        names = re.findall(r"\b(?:kedro_asgi|process)_\w+", expression)
        assert names, expression
        assert {re.sub(r"_(bucket|count|sum)$", "", name) for name in names} - families == set(), expression
        asked = set(re.findall(r"(\w+)(?:=|!=|=~|!~)\"", expression)) - {"job", "instance"}
        for name in names:
            # Some have no samples yet, so their labels are not known.
            assert not (labels.get(name) and asked - labels[name]), (name, expression)


def test_the_panels_have_places_of_their_own() -> None:
    panels = DASHBOARD["panels"]
    places = [panel["gridPos"] for panel in panels]
    cells = [
        (column, row)
        for place in places
        for column in range(place["x"], place["x"] + place["w"])
        for row in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert all(place["x"] + place["w"] <= 24 for place in places)
    assert len({panel["id"] for panel in panels}) == len(panels) > 20


def test_each_query_asks_the_chosen_data_source_and_known_variables() -> None:
    asked = [target["datasource"]["uid"] for panel in DASHBOARD["panels"] for target in panel.get("targets", ())]
    assert set(asked) == {"${datasource}"}
    for expression in expressions():
        assert "$" not in as_prometheus_gets_it(expression), expression


@pytest.mark.slow
def test_prometheus_takes_each_query(tool: Callable[[str], str], tmp_path: Path) -> None:
    rules = [{"record": f"panel:{n}", "expr": as_prometheus_gets_it(text)} for n, text in enumerate(expressions())]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    subprocess.run([tool("promtool"), "check", "rules", tmp_path / "rules.yml"], check=True)

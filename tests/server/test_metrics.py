"""``GET /metrics``: what it counts, how Prometheus reads it, and how workers add up."""

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

import httpx
import prometheus_client
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.routing import Mount

from kedro_asgi.server import create_http_server

pytestmark = pytest.mark.anyio

Samples: TypeAlias = Mapping[tuple[str, tuple[tuple[str, str], ...]], float]

ODD = """
from kedro_asgi.pipeline import Pipeline, node

def fail(a):
    raise ValueError(a)

def register_pipelines():
    odd = Pipeline([node(fail, "params:a", "out", name="fail")])
    return {"__default__": odd, 'ä"\\\\\\n\\u2028': odd, "half\\ud800": odd}
"""


def read(text: str) -> Samples:
    """Return the samples of an answer, each once; every family has a text and a kind."""
    families = list(text_string_to_metric_families(text))
    assert all(family.documentation and family.type != "unknown" for family in families)
    samples = [sample for family in families for sample in family.samples]
    found = {(sample.name, tuple(sorted(sample.labels.items()))): sample.value for sample in samples}
    assert len(found) == len(samples)
    return found


async def scrape(http: httpx.AsyncClient, path: str = "/metrics") -> Samples:
    answer = await http.get(path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return read(answer.text)


def one(samples: Samples, name: str, **labels: str) -> float:
    return samples[f"kedro_asgi_{name}", tuple(sorted(labels.items()))]


async def test_runs_count_by_pipeline_and_status(tiny_served: httpx.AsyncClient) -> None:
    for body in ({}, {}, {"pipeline_names": ["nope"]}, {"pipeline_names": ["nope", "__default__"]}):
        assert (await tiny_served.post("/run", json=body)).status_code == 200
    found = await scrape(tiny_served)
    assert one(found, "runs_ended_total", pipeline="__default__", status="success") == 2
    assert one(found, "runs_ended_total", pipeline="__unknown__", status="failure") == 2
    assert one(found, "run_seconds_count", pipeline="__default__", status="success") == 2
    assert one(found, "run_seconds_bucket", pipeline="__default__", status="success", le="+Inf") == 2
    assert one(found, "run_queue_seconds_count") == 4
    assert not [labels for _, labels in found if "nope" in dict(labels).values()]


async def test_requests_count_by_the_template_of_their_route(tiny_served: httpx.AsyncClient) -> None:
    for path in ("/runs/x", "/runs/y", "/nope", "/nope/2"):
        assert (await tiny_served.get(path)).status_code == 404
    await tiny_served.request("BREW", "/health")
    await tiny_served.get("/health")
    found = await scrape(tiny_served)
    assert one(found, "http_request_seconds_count", method="GET", route="/runs/{run_id}", status="404") == 2
    assert one(found, "http_request_seconds_count", method="GET", route="__none__", status="404") == 2
    assert one(found, "http_request_seconds_count", method="GET", route="/health", status="200") == 1
    assert one(found, "http_request_seconds_count", method="__other__", route="/health", status="405") == 1
    assert one(found, "http_requests_in_progress") == 1


async def test_the_families_have_the_names_of_the_documentation(tiny_served: httpx.AsyncClient) -> None:
    await tiny_served.post("/run", json={})
    families = list(text_string_to_metric_families((await tiny_served.get("/metrics")).text))
    text = (Path(__file__).parents[2] / "docs" / "observing.md").read_text(encoding="utf-8")
    missing = [family.name for family in families if f"`{family.name}" not in text]
    assert missing == []


async def test_the_system_tells_of_the_process(tiny_served: httpx.AsyncClient) -> None:
    found = await scrape(tiny_served)
    for name in ("cpu_seconds_total", "resident_memory_bytes", "open_fds", "max_fds", "start_time_seconds"):
        assert found[f"process_{name}", (("worker", "0"),)] > 0


@pytest.mark.parametrize(
    "accept", ["application/openmetrics-text; version=x, text/plain", "a/b,Application/OpenMetrics-Text"]
)
async def test_a_scraper_may_ask_for_openmetrics(tiny_served: httpx.AsyncClient, accept: str) -> None:
    await tiny_served.post("/run", json={})
    answer = await tiny_served.get("/metrics", headers={"accept": accept})
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    families = {family.name: family for family in openmetrics_families(answer.text)}
    assert families["kedro_asgi_runs_ended"].type == "counter"


@pytest.mark.parametrize("accept", ["", "a;b=;,,", "text/plain; version=ä.-", "*/*"])
async def test_an_odd_accept_header_gets_the_plain_format(tiny_served: httpx.AsyncClient, accept: str) -> None:
    answer = await tiny_served.get("/metrics", headers={"accept": accept.encode("latin-1")})
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    read(answer.text)


async def test_names_of_pipelines_may_be_any_text(make_project, serve) -> None:
    http = serve(make_project(ODD))
    for name in ('ä"\\\n\u2028', "half\\ud800"):
        content = b'{"pipeline_names": ["%b"]}' % name.replace("\\\n", "\\\\\\n").replace('"', '\\"').encode()
        answer = await http.post("/run", content=content, headers={"content-type": "application/json"})
        assert answer.json()["status"] == "failure"
    found = await scrape(http)
    assert one(found, "runs_ended_total", pipeline='ä"\\\n\u2028', status="failure") == 1
    assert one(found, "runs_ended_total", pipeline="half\\ud800", status="failure") == 1


async def test_without_metrics_there_is_no_route_and_nothing_is_counted(tiny: Path, serve) -> None:
    http = serve(tiny, metrics=False)
    assert (await http.post("/run", json={})).json()["status"] == "success"
    assert (await http.get("/metrics")).status_code == 404
    assert "/metrics" not in (await http.get("/openapi.json")).json()["paths"]


async def test_two_applications_in_one_process_keep_apart_from_each_other_and_their_host(make_project) -> None:
    of_host = prometheus_client.Counter("kedro_asgi_runs_ended", "The host's own.")
    try:
        one_app, two = create_http_server(make_project(name="one")), create_http_server(make_project(name="two"))
        app = Starlette(routes=[Mount("/one", one_app), Mount("/two", two)])
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://host") as http:
            await http.post("/one/run", json={})
            first, second = await scrape(http, "/one/metrics"), await scrape(http, "/two/metrics")
            assert one(first, "runs_ended_total", pipeline="__default__", status="success") == 1
            assert ("kedro_asgi_runs_ended_total", ()) not in second
            # The route's own template, not that of the host's mount.
            assert one(first, "http_request_seconds_count", method="POST", route="/run", status="200") == 1
            assert (await http.get("/two/nope")).status_code == 404
            second = await scrape(http, "/two/metrics")
            assert one(second, "http_request_seconds_count", method="GET", route="__none__", status="404") == 1
        assert "kedro_asgi_run_seconds" not in prometheus_client.generate_latest().decode()
    finally:
        prometheus_client.REGISTRY.unregister(of_host)


async def test_workers_that_share_a_folder_add_up(tiny: Path, serve, tmp_path: Path) -> None:
    workers = [serve(tiny, metrics_folder=str(tmp_path / "shared"), store="memory:") for _ in range(2)]
    success = {"pipeline": "__default__", "status": "success"}
    for runs, worker in itertools.product((1, 2), workers):
        await worker.post("/run", json={})
        found = await scrape(worker)
        assert one(found, "run_seconds_count", **success) == one(found, "runs_ended_total", **success) >= runs
    assert one(found, "runs_ended_total", **success) == 4
    assert one(found, "workers") == 2
    assert one(found, "store_up") == 1


async def test_a_folder_that_cannot_be_used_fails_no_shutdown(
    tiny: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    app = create_http_server(tiny, metrics_folder=str(tmp_path / "file"), store="memory:")
    async with app.router.lifespan_context(app):
        pass
    assert "The workers cannot share what they count: " in caplog.text


async def test_a_folder_that_cannot_be_used_is_an_answer(tiny: Path, serve, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    answer = await serve(tiny, metrics_folder=str(tmp_path / "file")).get("/metrics")
    assert answer.status_code == 503
    assert answer.json()["detail"].startswith("The workers cannot share what they count: ")

"""nginx and Traefik in front of a server below a prefix, as the files of ``deploy/`` set them up."""

import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from proxied import PREFIX, running_proxy

from project_files import write_project
from serving import Process, until

pytestmark = pytest.mark.slow

REGISTRY = """
import logging
import time
from pathlib import Path

from kedro_asgi.pipeline import Pipeline, node


def hold(gate: str) -> str:
    logging.getLogger("project").warning("waiting")
    deadline = time.monotonic() + 240
    while not Path(gate).exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    return gate


def tell(gate: str):
    yield "begun"
    yield hold(gate)


def measure(rows: list) -> int:
    return len(rows)


def register_pipelines():
    made = {
        "hold": Pipeline([node(hold, "params:gate", "held", name="hold")]),
        "tell": Pipeline([node(tell, "params:gate", "told", name="tell")]),
        "team/measure": Pipeline([node(measure, "rows", "team/size", name="measure")]),
    }
    return {"__default__": made["team/measure"], **made}
"""


def with_both_workers(process: Process, *, started: int = 0) -> Process:
    """Wait until both workers serve; ``started`` workers of this log have done so before."""
    process.wait_until_ready()
    until(lambda: process.log().count("Application startup complete") == started + 2)
    return process


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    root = tmp_path_factory.mktemp("served")
    folder = write_project(
        root / "project",
        {"src/{package}/pipeline_registry.py": REGISTRY, "conf/base/parameters.yml": 'gate: ""\n'},
    )
    arguments = ["kedro_asgi", "serve", str(folder), "--root-path", PREFIX, "--workers", "2"]
    process = Process(arguments, cwd=root, environ={})
    try:
        yield with_both_workers(process)
    finally:
        process.close()


@pytest.fixture(scope="module", params=["nginx", "traefik"])
def url(
    request: pytest.FixtureRequest,
    tool: Callable[[str], str],
    server: Process,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    with running_proxy(
        request.param, tmp_path_factory.mktemp("proxy"), tool=tool, server=f"127.0.0.1:{server.port}"
    ) as url:
        yield url


def test_events_come_as_they_happen(url: str, tmp_path: Path) -> None:
    """The node waits until the client has its line: an event that a proxy keeps back would never come."""
    gate = tmp_path / "gate"
    with httpx.Client(base_url=url, timeout=60) as client:
        body = {"pipeline_names": ["hold"], "params": {"gate": str(gate)}}
        run = client.post("runs", json=body).json()["run_id"]
        names = []
        with client.stream("GET", f"runs/{run}/events") as answer:
            for line in answer.iter_lines():
                if line.startswith("event: "):
                    names.append(line.removeprefix("event: "))
                if line == "event: LogLine":
                    gate.touch()
    assert names[-1] == "RunEnded"


@pytest.mark.parametrize("accept", ["text/event-stream", "application/x-ndjson"])
def test_chunks_come_as_they_are_made(url: str, tmp_path: Path, accept: str) -> None:
    """The node waits until the client has its first chunk."""
    gate = tmp_path / "gate"
    with httpx.Client(base_url=url, timeout=60, headers={"Accept": accept}) as client:
        with client.stream("POST", "pipelines/tell/run", json={"params": {"gate": str(gate)}}) as answer:
            lines = []
            for line in answer.iter_lines():
                lines.append(line)
                if '"begun"' in line:
                    gate.touch()
    assert answer.headers["content-type"].startswith(accept)
    assert '"status":"success"' in "".join(lines)


def test_pages_and_addresses_lie_below_the_prefix(url: str) -> None:
    with httpx.Client(follow_redirects=True, timeout=60) as client:
        page = client.get(url)
        assert (page.url, page.status_code) == (httpx.URL(f"{url}/dashboard/"), 200)
        assert client.get(page.url.join(re.search(r'src="([^"]+)"', page.text)[1])).status_code == 200
        assert client.get(f"{url}/docs").status_code == 200
        document = client.get(f"{url}/openapi.json").json()
        assert document["servers"] == [{"url": PREFIX}]
        answer = client.post(f"{url}/runs", json={"inputs": {"rows": [1]}})
        assert answer.headers["Location"].startswith(f"{PREFIX}/runs/")
        assert client.get(httpx.URL(url).join(answer.headers["Location"])).status_code == 200


def test_a_name_with_a_slash_arrives(url: str) -> None:
    with httpx.Client(base_url=url, timeout=60) as client:
        answer = client.post("pipelines/team%2Fmeasure/run", json={"inputs": {"rows": [1, 2]}})
        assert (answer.status_code, answer.json().get("outputs")) == (200, {"team/size": 2}), answer.text


def test_large_bodies_arrive_and_larger_ones_are_explained(url: str) -> None:
    with httpx.Client(base_url=url, timeout=60) as client:
        answer = client.post("run", json={"inputs": {"rows": ["x" * 1000] * 10_000}, "outputs": ["team/size"]})
        assert answer.json()["outputs"] == {"team/size": 10_000}
        refused = client.post("run", content=b"x" * (17 * 1024 * 1024), headers={"Content-Type": "application/json"})
        assert (refused.status_code, refused.headers["Content-Type"]) == (413, "application/json")


def test_the_server_logs_the_address_of_the_client(url: str, server: Process) -> None:
    with httpx.Client(transport=httpx.HTTPTransport(local_address="127.0.0.9"), timeout=60) as client:
        client.get(f"{url}/pipelines", headers={"X-Forwarded-For": "10.9.8.7"})
    assert "10.9.8.7" not in server.log_with("127.0.0.9")


def test_a_reload_of_the_workers_refuses_no_request(url: str, server: Process) -> None:
    with httpx.Client(base_url=url, timeout=60) as client:
        ended = server.log().count("Finished server process")
        os.kill(server.process.pid, signal.SIGHUP)
        statuses: set[int] = set()
        while server.log().count("Finished server process") < ended + 2:
            statuses.add(client.post("run", json={"inputs": {"rows": [1]}}).status_code)
        assert statuses == {200}
        assert client.get("health").status_code == 200


def test_a_restarted_server_is_found_again(url: str, server: Process) -> None:
    server.kill()
    with httpx.Client(base_url=url, timeout=60) as client:
        assert client.get("health").status_code in (502, 503)
        started = server.log().count("Application startup complete")
        with_both_workers(server.restart(), started=started)
        while client.get("health").status_code != 200:
            pass

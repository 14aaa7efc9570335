"""Retries in the bodies of all routes that run something."""

from pathlib import Path

import httpx
import pytest

pytestmark = pytest.mark.anyio

FLAKY = """
from pathlib import Path
from kedro_asgi.pipeline import Pipeline, node

def flaky(failures: int) -> int:
    with open("{folder}/calls", "a") as file:
        file.write("x")
    call = len(Path("{folder}/calls").read_text())
    if call <= failures:
        raise ConnectionError(f"call {call}")
    return call

def register_pipelines():
    return {"__default__": Pipeline([node(flaky, "params:failures", "out", name="flaky")])}
"""
AT_ONCE = {"retries": 2, "delay_seconds": 0, "errors": ["OSError"]}


@pytest.fixture
def client(make_project, serve, tmp_path: Path) -> httpx.AsyncClient:
    project = make_project(FLAKY.replace("{folder}", str(tmp_path)), parameters="failures: 2\n")
    return serve(project, store="memory:")


@pytest.mark.parametrize("kind", ["node", "run"])
@pytest.mark.parametrize("path", ["/run", "/pipelines/__default__/run"])
async def test_a_request_says_how_often_to_try_again(client: httpx.AsyncClient, path: str, kind: str) -> None:
    answer = await client.post(path, json={"outputs": ["out"], "retries": {kind: AT_ONCE}})
    assert answer.status_code == 200, answer.text
    assert answer.json()["outputs"] == {"out": 3}
    record = (await client.get(f"/runs/{answer.json()['run_id']}")).json()
    assert (record["retry_count"], record["run_attempt"]) == (2, 3 if kind == "run" else 1)
    assert [found["error"]["type"] for found in record["retried"]] == ["ConnectionError"] * 2
    policy = {**AT_ONCE, "delay_seconds": 0.0}
    assert record["request"]["retries"] == {kind: policy}


async def test_a_submission_says_how_often_to_try_again(client: httpx.AsyncClient) -> None:
    answer = await client.post("/runs", params={"wait": 30}, json={"retries": {"node": AT_ONCE}})
    assert (answer.json()["status"], answer.json()["retry_count"]) == ("success", 2)
    run_id = answer.json()["run_id"]
    (node,) = (await client.get(f"/runs/{run_id}/nodes")).json()["nodes"]
    assert [found["error"]["message"] for found in node["failed_attempts"]] == ["call 1", "call 2"]
    picture = (await client.get(f"/runs/{run_id}/timeline.svg")).text
    assert picture.count('class="badge"') == 3
    assert "attempt 3" in picture
    events = (await client.get(f"/runs/{run_id}/events")).text
    assert events.count("event: NodeRetried") == 2


WRONG: list[tuple[object, list[str]]] = [
    ([], []),
    ({"nodes": {}}, []),
    ({"node": {}}, ["node"]),
    ({"node": {"retries": 101}}, ["node", "retries"]),
    ({"node": {"retries": True}}, ["node", "retries"]),
    ({"node": {"retries": 2.0}}, ["node", "retries"]),
    ({"run": {"retries": 1, "delay_seconds": -1}}, ["run", "delay_seconds"]),
    ({"run": {"retries": 1, "errors": ["a", "b c"]}}, ["run", "errors"]),
]


async def test_wrong_retries_are_refused_with_their_place(client: httpx.AsyncClient) -> None:
    for path in ("/run", "/runs", "/pipelines/__default__/run"):
        for retries, place in WRONG:
            answer = await client.post(path, json={"retries": retries})
            assert answer.status_code == 422, answer.text
            found = answer.json().get("errors") or answer.json()["detail"]
            assert found[0]["loc"][: 2 + len(place)] == ["body", "retries", *place]


# --- repeating a run ---


async def test_a_run_is_repeated(client: httpx.AsyncClient) -> None:
    first = (await client.post("/runs", params={"wait": 30}, json={"outputs": ["out"]})).json()
    assert first["status"] == "failure"
    headers = {"Idempotency-Key": "again"}
    await client.post(f"/runs/{first['run_id']}/rerun", params={"wait": 30})
    answer = await client.post(f"/runs/{first['run_id']}/rerun", params={"wait": 30}, json={}, headers=headers)
    assert answer.status_code == 202
    record = answer.json()
    assert answer.headers["location"] == f"/runs/{record['run_id']}"
    assert (record["status"], record["rerun_of"]) == ("success", first["run_id"])
    same = await client.post(f"/runs/{first['run_id']}/rerun", json={}, headers=headers)
    assert (same.headers["idempotent-replayed"], same.json()["run_id"]) == ("true", record["run_id"])


async def test_a_run_that_cannot_be_repeated_says_why(client: httpx.AsyncClient) -> None:
    run_id = (await client.post("/runs", params={"wait": 30}, json={})).json()["run_id"]
    for path, body, status, problem in (
        (f"/runs/{run_id}/rerun", {"from_failure": True}, 409, "nothing-to-resume"),
        ("/runs/2026-11-21T00.18.19.983Z-00009f3c2a7b1d/rerun", {}, 404, "run-not-found"),
        (f"/runs/{run_id}/rerun", {"from_failure": "yes"}, 422, "invalid-body"),
        (f"/runs/{run_id}/rerun", {"other": 1}, 422, "invalid-body"),
        (f"/runs/{run_id}/rerun", [], 422, "invalid-body"),
    ):
        answer = await client.post(path, json=body)
        assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (status, problem), answer.text

"""Inferences are runs: their ids, limits, keys, batches and reloads."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from inferring import FEATURES, error, outputs, tensor, write_inferring_project
from kedro_asgi.dispatch import Policy

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio"])]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_inferring_project(tmp_path / "project")


@pytest.fixture
async def http(project: Path, serve) -> AsyncIterator[httpx.AsyncClient]:
    async with serve(project, store="memory:") as client:
        yield client


async def test_a_run_that_fails_is_an_error_with_its_id(http: httpx.AsyncClient) -> None:
    answer = await http.post("/v2/models/fail/infer", json={"inputs": [tensor("anything", "INT8", [1])]})
    assert error(answer, 500) == "ValueError: no answer"
    assert (await http.get(f"/runs/{answer.json()['run_id']}")).json()["status"] == "failure"


async def running(http: httpx.AsyncClient, *, is_stopping: bool = False) -> None:
    """Wait until a run goes on, and is being stopped if the test wants that."""
    with anyio.fail_after(60):
        while not any(
            run["is_stopping"] is is_stopping for run in (await http.get("/runs?status=running")).json()["runs"]
        ):
            await anyio.sleep(0.01)


async def test_a_time_limit_is_given_in_microseconds(project: Path, http: httpx.AsyncClient) -> None:
    given = {"inputs": [tensor("anything", "INT8", [1])], "parameters": {"timeout": 10_000}}
    answers: list[httpx.Response] = []

    async def infer() -> None:
        answers.append(await http.post("/v2/models/held/infer", json=given))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(infer)
        with anyio.fail_after(60):
            # A run that begins late is stopped before its node.
            while not answers and not any(run["is_stopping"] for run in (await http.get("/runs")).json()["runs"]):
                await anyio.sleep(0.01)
        (project / "opened").touch()
    assert "longer than 0.01 seconds" in error(answers[0], 504)


async def test_a_request_with_a_key_runs_once(http: httpx.AsyncClient) -> None:
    given, key = {"inputs": [tensor("anything", "INT8", [1])]}, {"Idempotency-Key": "k"}
    first = await http.post("/v2/models/echo/infer", json=given, headers=key)
    again = await http.post("/v2/models/echo/infer", json=given, headers=key)
    assert first.json() == again.json()
    other = {"inputs": [tensor("anything", "INT8", [2])]}
    assert "key" in error(await http.post("/v2/models/echo/infer", json=other, headers=key), 422)


async def test_a_full_server_answers_in_the_form_of_the_protocol(project: Path, serve) -> None:
    policy = Policy(max_concurrent_runs=1, max_queued_runs=0)
    given = {"inputs": [tensor("anything", "INT8", [1])]}
    answers: list[httpx.Response] = []
    async with serve(project, store="memory:", policy=policy) as http:

        async def infer() -> None:
            answers.append(await http.post("/v2/models/held/infer", json=given))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(infer)
            await running(http)
            refused = await http.post("/v2/models/held/infer", json=given)
            (project / "opened").touch()
    assert error(refused, 429)
    assert "retry-after" in refused.headers
    assert outputs(answers[0]) == {"echoed": [1]}


async def test_requests_of_both_kinds_join_one_batch(tmp_path: Path, serve) -> None:
    section = '\n[tool.kedro-asgi.batching.predict]\ninputs = ["features"]\noutputs = ["predictions"]\n'
    project = write_inferring_project(tmp_path / "batched", section=section)
    found: dict[int, Any] = {}
    async with serve(project, store="memory:") as http:

        async def infer(number: int) -> None:
            inputs = [tensor("amount", "FP64", [number]), tensor("kind", "BYTES", ["a"])]
            found[number] = outputs(await http.post("/v2/models/predict/infer", json={"inputs": inputs}))["score"]

        async def run(number: int) -> None:
            body = {"inputs": {"features": [{"amount": float(number), "kind": "a"}]}}
            answer = (await http.post("/pipelines/predict/run", json=body)).json()
            found[number] = [answer["outputs"]["predictions"][0]["score"]]

        await infer(0)
        for _ in range(3):
            await http.get("/batching")
            async with anyio.create_task_group() as tasks:
                for number in range(20):
                    tasks.start_soon(infer if number % 2 else run, number)
            assert found == {number: [2.0 * number] for number in range(20)}
        (state,) = (await http.get("/batching")).json()["pipelines"]
        assert (state["runs"], state["unbatched"]) == (60, {"unchecked": 1})
        assert state["batches"] < 60


async def test_a_reload_brings_the_new_signature(project: Path, serve) -> None:
    async with serve(project, store="memory:") as http:
        given = {"inputs": FEATURES}
        assert outputs(await http.post("/v2/models/predict/infer", json=given))["score"] == [2.0, 121.0]
        (project / "conf/base/parameters.yml").write_text("model: {factor: 4.0}\n")
        assert (await http.post("/reload")).status_code == 200
        assert outputs(await http.post("/v2/models/predict/infer", json=given))["score"] == [4.0, 242.0]


async def test_the_protocol_can_be_turned_off(project: Path, serve) -> None:
    async with serve(project, store="memory:", open_inference=False) as http:
        assert (await http.get("/v2")).status_code == 404
        assert "/v2" not in (await http.get("/openapi.json")).json()["paths"]

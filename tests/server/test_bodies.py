"""The fields of a request reach the run."""

import gc
import json

import httpx
import pytest

from kedro_asgi.run_arguments import RunArguments
from kedro_asgi.runs import RunSpec, Slice
from kedro_asgi.schemas import RunRequest, RunSubmission
from kedro_asgi.server.bodies import run_spec

NAMES = ("tags", "node_names", "from_nodes", "to_nodes", "from_inputs", "to_outputs", "namespaces")


def test_a_request_has_a_field_for_each_argument_of_a_run() -> None:
    others = {"pipeline_names", "params", "outputs", "runner", "is_async"}
    assert set(RunRequest.__struct_fields__) == set(RunArguments.__annotations__) | others


def test_every_field_reaches_the_spec() -> None:
    request = RunSubmission(
        pipeline_names=["p"],
        params={"a": 1},
        outputs=["o"],
        runner="ThreadRunner",
        is_async=True,
        load_versions={"d": "v"},
        only_missing_outputs=True,
        inputs={"i": [1]},
        labels={"team": "ml"},
        **{name: [name] for name in NAMES},
    )
    assert run_spec(request) == RunSpec(
        slice=Slice(pipeline_names=("p",), **{name: (name,) for name in NAMES}),
        runtime_params={"a": 1},
        outputs=("o",),
        runner="ThreadRunner",
        is_async=True,
        load_versions={"d": "v"},
        only_missing_outputs=True,
        inputs={"i": [1]},
    )


def test_an_empty_request_is_a_run_of_all_nodes_without_outputs() -> None:
    assert run_spec(RunRequest()) == RunSpec(outputs=())


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("body", ['{"inputs": {"s": [%s]}}', '{"typo": [%s]}', "[%s"])
@pytest.mark.anyio
async def test_large_bodies_leave_the_garbage_collector_as_it_was(tiny_served: httpx.AsyncClient, body: str) -> None:
    content = body.replace("%s", ",".join(["[1]"] * 20_000))
    headers = {"Content-Type": "application/json"}
    for set_collector in (gc.disable, gc.enable):
        set_collector()
        before = gc.isenabled()
        assert (await tiny_served.post("/run", content=content, headers=headers)).status_code in (200, 422)
        assert gc.isenabled() == before


LARGE = {
    "a table": ("/run", "text/csv", "n\n" + "1\n" * 20_000),
    "a table for a pipeline": ("/pipelines/__default__/run", "text/csv", "n\n" + "1\n" * 20_000),
    "a list": ("/run", "application/json", f"[{'1,' * 20_000}1]"),
    "a field": ("/run", "application/json", json.dumps({"tags": "a" * 40_000})),
}


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize(("path", "content_type", "body"), LARGE.values(), ids=LARGE)
@pytest.mark.anyio
async def test_an_answer_quotes_the_beginning_of_a_large_input(
    tiny_served: httpx.AsyncClient, path: str, content_type: str, body: str
) -> None:
    answer = await tiny_served.post(path, content=body, headers={"Content-Type": content_type})
    assert answer.status_code == 422
    (problem,) = answer.json()["detail" if path == "/run" else "errors"]
    quoted = problem["input"].removesuffix("…")
    assert (len(quoted), quoted in body) == (4096, True)

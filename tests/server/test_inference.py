"""The Open Inference Protocol: health, metadata, and inference by the runs of pipelines."""

import json
import math
import struct
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from inferring import FEATURES, error, outputs, tensor, with_bytes, write_inferring_project

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio"])]

EXTENSIONS = ["binary_tensor_data", "model_configuration", "model_repository"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_inferring_project(tmp_path / "project")


@pytest.fixture
async def http(project: Path, serve) -> AsyncIterator[httpx.AsyncClient]:
    async with serve(project, store="memory:") as client:
        yield client


# --- the server and its pipelines ---


async def test_the_server_tells_what_it_is_and_that_it_is_ready(http: httpx.AsyncClient) -> None:
    about = (await http.get("/v2")).json()
    assert (about["name"], about["extensions"]) == ("kedro-asgi", EXTENSIONS)
    assert (await http.get("/v2/health/live")).json() == {"live": True}
    await http.post("/v2/models/echo/infer", json={"inputs": [tensor("anything", "INT8", [1])]})
    ready = await http.get("/v2/health/ready")
    assert (ready.status_code, ready.json()) == (200, {"live": True, "ready": True})


async def test_a_server_that_is_not_ready_says_so(make_project, serve) -> None:
    async with serve(
        make_project("def register_pipelines():\n    raise ValueError('broken')"), store="memory:"
    ) as http:
        ready = await http.get("/v2/health/ready")
        assert (ready.status_code, ready.json()) == (503, {"live": True, "ready": False})
        assert "broken" in error(await http.get("/v2/models/a"), 503)
        assert "broken" in error(await http.get("/v2/models"), 503)


async def test_the_pipelines_that_can_run_are_the_models(http: httpx.AsyncClient) -> None:
    names = ["__default__", "echo", "predict", "frames", "shop/multiply", "fail", "held"]
    assert (await http.get("/v2/models")).json() == {"models": names}
    index = (await http.post("/v2/repository/index", json={"ready": True})).json()
    assert index == [{"name": name, "state": "READY", "reason": ""} for name in names]
    assert (await http.get("/v2/models/shop/multiply/ready")).json() == {"name": "shop/multiply", "ready": True}
    assert "Did you mean 'predict'?" in error(await http.get("/v2/models/predikt/ready"), 404)
    assert "does not fit" in error(await http.post("/v2/repository/index", json={"ready": 7}))


async def test_the_columns_of_a_typed_table_are_the_tensors_of_a_pipeline(http: httpx.AsyncClient) -> None:
    assert (await http.get("/v2/models/predict")).json() == {
        "name": "predict",
        "platform": "kedro",
        "inputs": [
            {"name": "amount", "datatype": "FP64", "shape": [-1]},
            {"name": "kind", "datatype": "BYTES", "shape": [-1]},
        ],
        "outputs": [
            {"name": "is_large", "datatype": "BOOL", "shape": [-1]},
            {"name": "kind", "datatype": "BYTES", "shape": [-1]},
            {"name": "score", "datatype": "FP64", "shape": [-1]},
        ],
    }


async def test_other_datasets_are_tensors_by_their_own_names(http: httpx.AsyncClient) -> None:
    described = (await http.get("/v2/models/shop/multiply")).json()
    assert described["inputs"] == [
        {"name": "matrix", "datatype": "FP64", "shape": [-1, -1]},
        {"name": "threshold", "datatype": "INT64", "shape": [1]},
        {"name": "vector", "datatype": "FP64", "shape": [-1]},
    ]
    anything = {"name": "about", "datatype": "BYTES", "shape": [1], "parameters": {"content_type": "json"}}
    assert described["outputs"] == [anything]
    frame = {"name": "frame", "datatype": "BYTES", "shape": [-1], "parameters": {"content_type": "pd"}}
    assert (await http.get("/v2/models/frames")).json()["inputs"] == [frame]


# --- inference ---


async def test_columns_become_a_table_and_a_table_becomes_columns(http: httpx.AsyncClient) -> None:
    answer = await http.post("/v2/models/predict/infer", json={"id": "42", "inputs": FEATURES})
    assert outputs(answer) == {"score": [2.0, 121.0], "is_large": [False, True], "kind": ["a", "ü"]}
    body = answer.json()
    assert (body["model_name"], body["id"], body["parameters"]["content_type"]) == ("predict", "42", "pd")
    assert [(found["datatype"], found["shape"]) for found in body["outputs"]] == [
        ("FP64", [2]),
        ("BOOL", [2]),
        ("BYTES", [2]),
    ]
    record = (await http.get(f"/runs/{body['parameters']['run_id']}")).json()
    assert (record["status"], record["pipeline_names"]) == ("success", ["predict"])


@pytest.mark.parametrize("parameters", [{}, {"content_type": "pd"}])
async def test_a_frame_is_given_by_its_columns(http: httpx.AsyncClient, parameters: dict[str, Any]) -> None:
    """As MLServer's codec for pandas sends it, each column is a matrix with one column."""
    inputs = [
        tensor("amount", "FP64", [1.5, None], shape=[2, 1]),
        tensor("kind", "BYTES", [["a"], ["b"]], shape=[2, 1], content_type="str"),
    ]
    answer = await http.post("/v2/models/frames/infer", json={"inputs": inputs, "parameters": parameters})
    assert outputs(answer) == {"score": [3.0, None], "kind": ["A", "B"]}


async def test_arrays_and_single_values_are_tensors(http: httpx.AsyncClient) -> None:
    inputs = [
        tensor("matrix", "INT32", [1, 2, 3, 4], shape=[2, 2]),
        tensor("vector", "FP64", [1, 0.5]),
        tensor("threshold", "INT64", [3]),
    ]
    wanted = [{"name": "product"}, {"name": "about"}]
    answer = await http.post("/v2/models/shop/multiply/infer", json={"inputs": inputs, "outputs": wanted})
    found = outputs(answer)
    assert found["product"] == [0.0, 5.0]
    assert json.loads(found["about"][0]) == {"largest": 5.0, "at": 1}
    inputs[0]["data"] = [[1, 2], [3, 4]]
    assert (
        outputs(await http.post("/v2/models/shop/multiply/infer", json={"inputs": inputs, "outputs": wanted})) == found
    )


_VALUES: list[tuple[Any, ...]] = [
    (tensor("anything", "BOOL", [True, False]), "BOOL", [2], [True, False]),
    (tensor("anything", "INT8", [1, -2], shape=[2, 1]), "INT64", [2, 1], [1, -2]),
    (tensor("anything", "UINT64", [2**64 - 1]), "UINT64", [1], [2**64 - 1]),
    (tensor("anything", "FP16", [1], shape=[1, 1, 1]), "FP64", [1, 1, 1], [1.0]),
    (tensor("anything", "INT8", [7], shape=[]), "INT64", [1], [7]),
    (tensor("anything", "INT8", [], shape=[0, 3]), "FP64", [0], []),
    (tensor("anything", "INT8", [1, None]), "FP64", [2], [1.0, None]),
    # A float would change the number.
    (tensor("anything", "INT64", [2**53 + 1, None]), "BYTES", [2], [str(2**53 + 1), "null"]),
    (
        tensor("anything", "BYTES", ["[9007199254740993,0.5]"], content_type="json"),
        "BYTES",
        [2],
        [str(2**53 + 1), "0.5"],
    ),
    (tensor("anything", "BOOL", [True, None]), "BYTES", [2], ["true", "null"]),
    (tensor("anything", "BYTES", ['{"a": [1]}'], content_type="json"), "BYTES", [1], ['{"a":[1]}']),
    (tensor("anything", "BYTES", ['"x"', "2"], content_type="json"), "BYTES", [2], ['"x"', "2"]),
    (tensor("anything", "BYTES", ["[[1],[2,3]]"], content_type="json"), "BYTES", [1], ["[[1],[2,3]]"]),
    (tensor("column", "INT8", [1, 2]), "INT64", [2], [1, 2]),
    (tensor("anything.column", "INT8", [1, 2]), "INT64", [2], [1, 2]),
]


async def test_a_value_comes_back_as_it_was_given(http: httpx.AsyncClient) -> None:
    for given, datatype, shape, data in _VALUES:
        answer = await http.post("/v2/models/echo/infer", json={"inputs": [given]})
        (found,) = answer.json()["outputs"]
        assert (found["datatype"], found["shape"], found["data"]) == (datatype, shape, data)


async def test_binary_data_goes_in_and_out(http: httpx.AsyncClient) -> None:
    texts = struct.pack("<I1sI2s", 1, b"a", 2, "ü".encode())
    numbers = struct.pack("<2f", math.nan, 60.5)
    shapes = [{**found, "shape": [2]} for found in FEATURES]
    for found in shapes:
        del found["data"]
    body, headers = with_bytes({"inputs": shapes, "parameters": {"binary_data_output": True}}, numbers, texts)
    answer = await http.post("/v2/models/predict/infer", content=body, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/octet-stream"), answer.text
    length = int(answer.headers["inference-header-content-length"])
    described = json.loads(answer.content[:length])["outputs"]
    assert [found["parameters"]["binary_data_size"] for found in described] == [16, 2, 11]
    assert all("data" not in found for found in described)
    score, is_large, kinds = answer.content[length : length + 16], answer.content[length + 16 : length + 18], texts
    assert math.isnan(struct.unpack("<2d", score)[0])
    assert (struct.unpack("<2d", score)[1], is_large) == (121.0, b"\x00\x01")
    assert answer.content.endswith(kinds)


_BYTES: list[tuple[Any, ...]] = [
    *((f"UINT{bits}", code, [0, 2**bits - 1]) for bits, code in ((8, "B"), (16, "H"), (32, "I"), (64, "Q"))),
    *((f"INT{bits}", code, [-(2 ** (bits - 1)), 1]) for bits, code in ((8, "b"), (16, "h"), (32, "i"), (64, "q"))),
    ("BOOL", "?", [True, False]),
    ("FP16", "e", [1.5, -2.0]),
    ("FP32", "f", [1.5, -2.0]),
    ("FP64", "d", [0.1, -2.0]),
]


async def test_each_datatype_has_its_bytes(http: httpx.AsyncClient) -> None:
    for datatype, code, values in _BYTES:
        request = {"inputs": [{"name": "anything", "datatype": datatype, "shape": [2]}]}
        body, headers = with_bytes(request, struct.pack(f"<2{code}", *values))
        answer = await http.post("/v2/models/echo/infer", content=body, headers=headers)
        assert outputs(answer) == {"echoed": values}, datatype


async def test_an_output_without_bytes_of_its_own_is_sent_as_json(http: httpx.AsyncClient) -> None:
    wanted = [{"name": "echoed", "parameters": {"binary_data": True}}]
    request = {"inputs": [tensor("anything", "BYTES", ["a", None])], "outputs": wanted}
    assert outputs(await http.post("/v2/models/echo/infer", json=request)) == {"echoed": ["a", None]}


async def test_outputs_are_chosen_by_dataset_and_by_column(http: httpx.AsyncClient) -> None:
    async def infer(*wanted: Any) -> dict[str, Any]:
        request = {"inputs": FEATURES, "outputs": list(wanted)}
        return outputs(await http.post("/v2/models/predict/infer", json=request))

    assert await infer({"name": "score"}) == {"score": [2.0, 121.0]}
    assert await infer({"name": "predictions.score"}) == {"predictions.score": [2.0, 121.0]}
    assert (await infer({"name": "predictions"})).keys() == {"score", "is_large", "kind"}
    (text,) = (await infer({"name": "predictions", "parameters": {"content_type": "json"}}))["predictions"]
    assert json.loads(text)[0] == {"score": 2.0, "is_large": False, "kind": "a"}
    as_json = {"parameters": {"content_type": "json"}}
    assert await infer({"name": "score", **as_json}) == {"score": ["2.0", "121.0"]}
    assert await infer({"name": "predictions.kind", **as_json}) == {"predictions.kind": ['"a"', '"ü"']}
    assert await infer() == {}


async def test_parameters_of_a_request_are_those_of_its_run(http: httpx.AsyncClient) -> None:
    for parameters in ({"model.factor": 3.0}, {"params:model.factor": 3.0}, {"model": {"factor": 3.0}}):
        request = {"inputs": FEATURES, "parameters": parameters}
        assert outputs(await http.post("/v2/models/predict/infer", json=request))["score"] == [3.0, 181.5]


async def test_a_large_request_is_answered(http: httpx.AsyncClient) -> None:
    count = 100_000
    body, headers = with_bytes(
        {"inputs": [{"name": "anything", "datatype": "INT64", "shape": [count]}]},
        struct.pack(f"<{count}q", *range(count)),
    )
    assert outputs(await http.post("/v2/models/echo/infer", content=body, headers=headers)) == {
        "echoed": list(range(count))
    }

"""The Open Inference Protocol: health, metadata, and inference by the runs of pipelines."""

import json
import math
import re
import struct
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from inferring import tensor, with_bytes, write_inferring_project
from kedro_asgi.dispatch import Policy
from kedro_asgi.server.access.tokens import make_token, token_line

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio"])]

EXTENSIONS = ["binary_tensor_data", "model_configuration", "model_repository"]
FEATURES = [tensor("amount", "FP32", [1, 60.5]), tensor("kind", "BYTES", ["a", "ü"])]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_inferring_project(tmp_path / "project")


@pytest.fixture
async def http(project: Path, serve) -> AsyncIterator[httpx.AsyncClient]:
    async with serve(project, store="memory:") as client:
        yield client


def outputs(answer: httpx.Response) -> dict[str, Any]:
    """Return the data of an answer by the names of its tensors."""
    assert answer.status_code == 200, answer.text
    return {found["name"]: found["data"] for found in answer.json()["outputs"]}


def error(answer: httpx.Response, status: int = 400) -> str:
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json"), answer.text
    assert answer.json().keys() <= {"error", "run_id"}
    return answer.json()["error"]


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


@pytest.mark.parametrize(
    ("given", "datatype", "shape", "data"),
    [
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
    ],
)
async def test_a_value_comes_back_as_it_was_given(
    http: httpx.AsyncClient, given: Any, datatype: str, shape: list[int], data: list[Any]
) -> None:
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


@pytest.mark.parametrize(
    ("datatype", "code", "values"),
    [
        *((f"UINT{bits}", code, [0, 2**bits - 1]) for bits, code in ((8, "B"), (16, "H"), (32, "I"), (64, "Q"))),
        *((f"INT{bits}", code, [-(2 ** (bits - 1)), 1]) for bits, code in ((8, "b"), (16, "h"), (32, "i"), (64, "q"))),
        ("BOOL", "?", [True, False]),
        ("FP16", "e", [1.5, -2.0]),
        ("FP32", "f", [1.5, -2.0]),
        ("FP64", "d", [0.1, -2.0]),
    ],
)
async def test_each_datatype_has_its_bytes(
    http: httpx.AsyncClient, datatype: str, code: str, values: list[Any]
) -> None:
    request = {"inputs": [{"name": "anything", "datatype": datatype, "shape": [2]}]}
    body, headers = with_bytes(request, struct.pack(f"<2{code}", *values))
    assert outputs(await http.post("/v2/models/echo/infer", content=body, headers=headers)) == {"echoed": values}


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


# --- what cannot be answered ---

_MATRIX = [tensor("vector", "FP64", [1]), tensor("threshold", "INT64", [3])]


@pytest.mark.parametrize(
    ("model", "request_", "problem"),
    [
        ("predict", {}, "inputs: Field required"),
        ("predict", {"inputs": {}}, r"Expected `array`, got `object` - at `\$.inputs`"),
        ("predict", {"inputs": [{"name": "amount"}]}, "missing required field `shape`"),
        ("predict", {"inputs": [tensor("amount", "FLOAT", [1])]}, "Invalid enum value 'FLOAT'"),
        ("predict", {"inputs": [tensor("amount", "FP32", [1], shape=[2])]}, r"has 1 values, but its shape \[2\] has 2"),
        ("predict", {"inputs": [tensor("amount", "FP32", [1], shape=[-1])]}, "Expected `int` >= 0"),
        ("predict", {"inputs": [tensor("amount", "FP32", [1], shape=[2**62, 2**62])]}, "too many rows"),
        ("predict", {"inputs": [tensor("amount", "FP32", [], shape=[2**62, 0])]}, "too many rows"),
        ("predict", {"inputs": [tensor("amount", "FP32", [], shape=[2, 0])]}, "only the first dimension may be 0"),
        ("predict", {"inputs": [tensor("amount", "FP32", [1], shape=[1] * 40)]}, "length <= 32"),
        ("predict", {"inputs": [tensor("amount", "FP32", [[1], [2, 3]], shape=[2, 2])]}, "do not have the shape"),
        ("predict", {"inputs": [tensor("amount", "FP32", [1, "x"])]}, "value 1 is 'x', which is no FP32"),
        ("predict", {"inputs": [tensor("amount", "FP32", [True])]}, "value 0 is True, which is no FP32"),
        ("predict", {"inputs": [tensor("amount", "FP16", [70000])]}, "70000 is out of the range of FP16"),
        ("predict", {"inputs": [tensor("amount", "INT8", [128])]}, "128 is out of the range of INT8"),
        ("predict", {"inputs": [tensor("amount", "INT8", [1.0])]}, "1.0, which is no INT8"),
        ("predict", {"inputs": [tensor("amount", "FP32", [1], content_type="xml")]}, "content type 'xml' is unknown"),
        ("predict", {"inputs": [tensor("amount", "FP32", [1], content_type="str")]}, "needs the datatype BYTES"),
        ("predict", {"inputs": [tensor("features", "FP32", [1])]}, "'features' is a table: send a tensor for each"),
        ("predict", {"inputs": [FEATURES[0], tensor("kind", "BYTES", ["a"])]}, "'kind' has 1 rows, but 'amount' has 2"),
        ("predict", {"inputs": [FEATURES[0]]}, "inputs.features.0.kind: Field required"),
        ("predict", {"inputs": [FEATURES[0], FEATURES[0]]}, "'amount' is given twice"),
        ("predict", {"inputs": [tensor("amount", "FP32", [1], shape=[])]}, "must begin with the number of its rows"),
        ("predict", {"inputs": FEATURES, "outputs": [{"name": "predictions.scor"}]}, "columns score, is_large, kind"),
        ("predict", {"inputs": FEATURES, "parameters": {"model.factr": 1}}, "params.model.factr: Extra inputs"),
        ("predict", {"inputs": FEATURES, "parameters": {"model": 1, "model.factor": 1}}, "given twice"),
        ("predict", {"inputs": FEATURES, "parameters": {"model" + ".a" * 9999: 1}}, "more than 50 levels"),
        ("predict", {"inputs": FEATURES, "parameters": {"priority": 1}}, "'priority' is not supported"),
        ("predict", {"inputs": FEATURES, "parameters": {"timeout": -1}}, "'timeout' must be a whole number"),
        ("shop/multiply", {"inputs": [tensor("matrx", "FP64", [1])]}, "'matrx' is no input.*Did you mean 'matrix'"),
        ("shop/multiply", {"inputs": [tensor("matrix.a", "FP64", [1]), *_MATRIX]}, "'matrix.a' is no input"),
        ("shop/multiply", {"inputs": _MATRIX, "outputs": [{"name": "x"}]}, "'x' is no output.*'product', 'about'"),
        ("echo", {"inputs": [tensor("anything", "BYTES", ["{"], content_type="json")]}, "value 0 is no JSON"),
        ("echo", {"inputs": [{"name": "anything", "datatype": "INT8", "shape": [1]}]}, "neither 'data' nor"),
        ("echo", {"inputs": [tensor("anything", "INT8", [1], binary_data_size=1)]}, "both 'data' and"),
    ],
)
async def test_a_wrong_request_says_what_is_wrong(
    http: httpx.AsyncClient, model: str, request_: dict[str, Any], problem: str
) -> None:
    assert re.search(problem, error(await http.post(f"/v2/models/{model}/infer", json=request_)))


@pytest.mark.parametrize(
    ("datatype", "shape", "content", "problem"),
    [
        ("FP32", [2], struct.pack("<f", 1), "has 4 bytes of binary data, but 2 values of FP32 take 8"),
        ("FP32", [2**62], b"", "0 bytes of binary data"),
        ("FP64", [1], struct.pack("<d", math.inf), "has an infinite value"),
        ("BYTES", [1], b"\x02\x00\x00\x00\xff\xff", "value 0 is no text in UTF-8"),
        ("BYTES", [1], b"\x02\x00\x00\x00a", "ends within value 0"),
        ("BYTES", [1], b"\x02\x00", "ends within value 0"),
        ("BYTES", [2], b"\x01\x00\x00\x00a", "has 1 values of binary data, but its shape has 2"),
    ],
)
async def test_wrong_bytes_say_what_is_wrong(
    http: httpx.AsyncClient, datatype: str, shape: list[int], content: bytes, problem: str
) -> None:
    body, headers = with_bytes({"inputs": [{"name": "anything", "datatype": datatype, "shape": shape}]}, content)
    assert problem in error(await http.post("/v2/models/echo/infer", content=body, headers=headers))


async def test_a_body_that_is_cut_or_too_long_is_refused(http: httpx.AsyncClient) -> None:
    request = {"inputs": [{"name": "anything", "datatype": "INT16", "shape": [2]}]}
    body, headers = with_bytes(request, struct.pack("<2h", 1, 2))

    async def refused(content: bytes, **changed: str) -> str:
        sent = {**headers, **{name.replace("_", "-"): value for name, value in changed.items()}}
        return error(await http.post("/v2/models/echo/infer", content=content, headers=sent))

    assert "has only 3 more" in await refused(body[:-1])
    assert "1 bytes after the binary data" in await refused(body + b"x")
    for length in ("9" * 30, "x", "-1", str(len(body) + 1)):
        assert "'Inference-Header-Content-Length'" in await refused(body, Inference_Header_Content_Length=length)
    assert "not valid JSON" in await refused(body, Inference_Header_Content_Length="5")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "truncated"),
        (b"[]", "Expected `object`, got `array`"),
        (b"\xff", "not valid JSON"),
        (b'{"inputs":[{"name":"anything","datatype":"FP64","shape":[1],"data":[NaN]}]}', "no NaN and no infinity"),
        (b'{"inputs":[{"name":"anything","datatype":"FP64","shape":[1],"data":[1e999]}]}', "out of range"),
        (b'{"inputs":[{"name":"\\ud800","datatype":"FP64","shape":[1],"data":[1]}]}', "surrogate"),
        (b'{"inputs":[{"name":"a","datatype":"INT8","shape":[1],"data":' + b"[" * 100_000, "not valid JSON"),
    ],
)
async def test_a_body_that_is_no_json_is_refused(http: httpx.AsyncClient, content: bytes, problem: str) -> None:
    assert problem in error(await http.post("/v2/models/echo/infer", content=content))


async def test_odd_names_are_names(http: httpx.AsyncClient) -> None:
    for name in ("a b", "é\n", "\u202ex", "x" * 5000, "\x00"):
        given = {"inputs": [tensor(name, "INT8", [1])]}
        assert outputs(await http.post("/v2/models/echo/infer", json=given)) == {name: [1]}
        assert "is no input" in error(await http.post("/v2/models/shop/multiply/infer", json=given))


async def test_every_refusal_has_the_form_of_the_protocol(project: Path, serve) -> None:
    token, limited = make_token(), make_token()
    lines = "\n".join(
        [token_line("reader", token, ["read"]), token_line("limited", limited, ["read", "run"], ["echo"])]
    )
    given = {"inputs": [tensor("anything", "INT8", [1])]}
    async with serve(project, store="memory:", tokens=lines, max_body_bytes=2000) as http:
        refused = await http.post("/v2/models/echo/infer", json=given)
        assert "Send a token" in error(refused, 401)
        assert refused.headers["www-authenticate"].startswith("Bearer")
        reader, caller = ({"Authorization": f"Bearer {found}"} for found in (token, limited))
        assert "scope 'run'" in error(await http.post("/v2/models/echo/infer", json=given, headers=reader), 403)
        assert "and not held" in error(await http.post("/v2/models/held/infer", json=given, headers=caller), 403)
        assert (await http.get("/v2/models", headers=caller)).json() == {"models": ["echo"]}
        assert outputs(await http.post("/v2/models/echo/infer", json=given, headers=caller)) == {"echoed": [1]}
        large = {"inputs": [tensor("anything", "INT8", [1] * 1000)]}
        assert "larger than 2000 bytes" in error(
            await http.post("/v2/models/echo/infer", json=large, headers=caller), 413
        )
        assert (await http.get("/v2/health/ready")).status_code in (200, 503)


async def test_what_the_routes_do_not_do_has_a_clear_answer(http: httpx.AsyncClient) -> None:
    given = {"inputs": [tensor("anything", "INT8", [1])]}
    assert "There is no pipeline 'nothing'" in error(await http.post("/v2/models/nothing/infer", json=given), 404)
    assert "Pipeline 'echo' has no versions" in error(await http.get("/v2/models/echo/versions/1"), 404)
    assert "has no versions" in error(await http.get("/v2/models/echo/versions/1/ready"), 404)
    assert "has no versions" in error(await http.post("/v2/models/echo/versions/1/infer", json=given), 404)
    assert error(await http.get("/v2/models/echo/infer"), 405)
    assert error(await http.get("/v2/nothing"), 404)
    for headers in ({"Content-Type": "text/plain"}, {"Content-Encoding": "gzip"}):
        assert error(await http.post("/v2/models/echo/infer", json=given, headers=headers), 415)
    headers = {"Idempotency-Key": "é".encode("latin-1")}
    assert "Idempotency-Key" in error(await http.post("/v2/models/echo/infer", json=given, headers=headers), 422)


# --- runs ---


async def test_a_run_that_fails_is_an_error_with_its_id(http: httpx.AsyncClient) -> None:
    answer = await http.post("/v2/models/fail/infer", json={"inputs": [tensor("anything", "INT8", [1])]})
    assert error(answer, 500) == "ValueError: no answer"
    assert (await http.get(f"/runs/{answer.json()['run_id']}")).json()["status"] == "failure"


async def running(http: httpx.AsyncClient, *, is_stopping: bool = False) -> None:
    """Wait until a run goes on, and is being stopped if the test wants that."""
    with anyio.fail_after(30):
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
        await running(http, is_stopping=True)
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

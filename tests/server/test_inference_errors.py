"""Requests of the Open Inference Protocol that cannot be answered: each answer says what is wrong."""

import math
import re
import struct
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from inferring import FEATURES, error, outputs, tensor, with_bytes, write_inferring_project
from kedro_asgi.server.access.tokens import make_token, token_line

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio"])]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_inferring_project(tmp_path / "project")


@pytest.fixture
async def http(project: Path, serve) -> AsyncIterator[httpx.AsyncClient]:
    async with serve(project, store="memory:") as client:
        yield client


_MATRIX = [tensor("vector", "FP64", [1]), tensor("threshold", "INT64", [3])]


_TWICE = "'model' is given twice: as a whole, and a part of it"
_REQUESTS: list[tuple[Any, ...]] = [
    ("predict", {}, "needs the tensors 'amount', 'kind'"),
    ("predict", {"inputs": []}, "needs the tensors 'amount', 'kind'"),
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
    ("predict", {"inputs": FEATURES, "parameters": {"model": 1, "model.factor": 1}}, _TWICE),
    ("predict", {"inputs": FEATURES, "parameters": {"model": {}, "model.factor": 1}}, _TWICE),
    ("predict", {"inputs": FEATURES, "parameters": {"model.factor": 1, "model": {}}}, _TWICE),
    ("predict", {"inputs": FEATURES, "parameters": {"a.b": 1, "params:a.b": 2}}, r"'a.b' is given twice\."),
    ("predict", {"inputs": FEATURES, "parameters": {"model" + ".a" * 9999: 1}}, "more than 50 levels"),
    ("predict", {"inputs": FEATURES, "parameters": {"priority": 1}}, "'priority' is not supported"),
    ("predict", {"inputs": FEATURES, "parameters": {"timeout": -1}}, "'timeout' must be a whole number"),
    ("shop/multiply", {"inputs": [tensor("matrx", "FP64", [1])]}, "'matrx' is no input.*Did you mean 'matrix'"),
    ("shop/multiply", {"inputs": [tensor("matrix.a", "FP64", [1]), *_MATRIX]}, "'matrix.a' is no input"),
    ("shop/multiply", {"inputs": _MATRIX, "outputs": [{"name": "x"}]}, "'x' is no output.*'product', 'about'"),
    ("echo", {"inputs": [tensor("anything", "BYTES", ["{"], content_type="json")]}, "value 0 is no JSON"),
    ("echo", {"inputs": [{"name": "anything", "datatype": "INT8", "shape": [1]}]}, "neither 'data' nor"),
    ("echo", {"inputs": [tensor("anything", "INT8", [1], binary_data_size=1)]}, "both 'data' and"),
]


async def test_a_wrong_request_says_what_is_wrong(http: httpx.AsyncClient) -> None:
    for model, request, problem in _REQUESTS:
        found = error(await http.post(f"/v2/models/{model}/infer", json=request))
        assert re.search(problem, found), (problem, found)


_WRONG_BYTES: list[tuple[Any, ...]] = [
    ("FP32", [2], struct.pack("<f", 1), "has 4 bytes of binary data, but 2 values of FP32 take 8"),
    ("FP32", [2**62], b"", "0 bytes of binary data"),
    ("FP64", [1], struct.pack("<d", math.inf), "has an infinite value"),
    ("BYTES", [1], b"\x02\x00\x00\x00\xff\xff", "value 0 is no text in UTF-8"),
    ("BYTES", [1], b"\x02\x00\x00\x00a", "ends within value 0"),
    ("BYTES", [1], b"\x02\x00", "ends within value 0"),
    ("BYTES", [2], b"\x01\x00\x00\x00a", "has 1 values of binary data, but its shape has 2"),
]


async def test_wrong_bytes_say_what_is_wrong(http: httpx.AsyncClient) -> None:
    for datatype, shape, content, problem in _WRONG_BYTES:
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


_NO_JSON: list[tuple[Any, ...]] = [
    (b"", "truncated"),
    (b"[]", "Expected `object`, got `array`"),
    (b"\xff", "not valid JSON"),
    (b'{"inputs":[{"name":"anything","datatype":"FP64","shape":[1],"data":[NaN]}]}', "no NaN and no infinity"),
    (b'{"inputs":[{"name":"anything","datatype":"FP64","shape":[1],"data":[1e999]}]}', "out of range"),
    (b'{"inputs":[{"name":"\\ud800","datatype":"FP64","shape":[1],"data":[1]}]}', "surrogate"),
    (b'{"inputs":[{"name":"a","datatype":"INT8","shape":[1],"data":' + b"[" * 100_000, "not valid JSON"),
]


async def test_a_body_that_is_no_json_is_refused(http: httpx.AsyncClient) -> None:
    for content, problem in _NO_JSON:
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

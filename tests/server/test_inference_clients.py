"""NVIDIA's client of the Open Inference Protocol against a real server.

``tritonclient`` is a development dependency for these tests only.
"""

import threading
from collections.abc import Iterator

import numpy as np
import pytest
import tritonclient.http as triton
import uvicorn
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from inferring import write_inferring_project
from kedro_asgi.server import create_http_server

EXTENSIONS = ["binary_tensor_data", "model_configuration", "model_repository"]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The host and port of a server that uvicorn runs in a thread."""
    app = create_http_server(write_inferring_project(tmp_path_factory.mktemp("served")), store="memory:")
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
    host, port = server.servers[0].sockets[0].getsockname()
    yield f"{host}:{port}"
    server.should_exit = True
    thread.join()


@pytest.fixture
def client(address: str) -> Iterator[triton.InferenceServerClient]:
    with triton.InferenceServerClient(address) as client:
        yield client


def tensor(name: str, values: np.ndarray, *, binary: bool = True) -> triton.InferInput:
    found = triton.InferInput(name, list(values.shape), np_to_triton_dtype(values.dtype))
    return found.set_data_from_numpy(values, binary_data=binary)


def test_the_server_and_its_models_are_found(client: triton.InferenceServerClient) -> None:
    assert client.is_server_live()
    assert client.get_server_metadata()["extensions"] == EXTENSIONS
    assert client.is_model_ready("predict")
    assert client.is_server_ready()
    assert not client.is_model_ready("nothing")
    assert {"name": "echo", "state": "READY", "reason": ""} in client.get_model_repository_index()
    described = client.get_model_metadata("predict")
    assert [found["name"] for found in described["inputs"]] == ["amount", "kind"]
    configured = client.get_model_config("predict")["input"]
    assert [found["data_type"] for found in configured] == ["TYPE_FP64", "TYPE_STRING"]


@pytest.mark.parametrize("binary", [True, False])
def test_a_table_is_predicted(client: triton.InferenceServerClient, *, binary: bool) -> None:
    inputs = [
        tensor("amount", np.array([1, 60.5], dtype=np.float32), binary=binary),
        tensor("kind", np.array(["a", "ü"], dtype=object), binary=binary),
    ]
    wanted = [triton.InferRequestedOutput(name, binary_data=binary) for name in ("score", "is_large", "kind")]
    result = client.infer("predict", inputs, outputs=wanted, request_id="42", parameters={"model.factor": 3})
    assert result.get_response()["id"] == "42"
    assert result.as_numpy("score").tolist() == [3.0, 181.5]
    assert result.as_numpy("is_large").tolist() == [False, True]
    texts = [text.decode() if isinstance(text, bytes) else text for text in result.as_numpy("kind")]
    assert texts == ["a", "ü"]


@pytest.mark.parametrize(
    "dtype", ["bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64", "float16", "float32"]
)
def test_arrays_of_each_type_come_back(client: triton.InferenceServerClient, dtype: str) -> None:
    values = np.array([[0, 1], [1, 0]], dtype=dtype)
    result = client.infer("echo", [tensor("anything", values)])
    assert np.array_equal(result.as_numpy("echoed"), values)


def test_matrices_are_multiplied_and_missing_numbers_stay_missing(client: triton.InferenceServerClient) -> None:
    inputs = [
        tensor("matrix", np.array([[1, 2], [3, np.nan]])),
        tensor("vector", np.array([1, 0.5])),
        tensor("threshold", np.array([1])),
    ]
    result = client.infer("shop/multiply", inputs, outputs=[triton.InferRequestedOutput("product")])
    assert np.array_equal(result.as_numpy("product"), [2.0, 0.0])
    result = client.infer("echo", [tensor("anything", np.array([1, np.nan]))])
    assert np.array_equal(result.as_numpy("echoed"), [1, np.nan], equal_nan=True)


def test_the_client_reads_errors(client: triton.InferenceServerClient) -> None:
    with pytest.raises(InferenceServerException, match="'nothing' is no input of pipeline") as raised:
        client.infer("shop/multiply", [tensor("nothing", np.array([1]))])
    assert raised.value.status() == "400"
    with pytest.raises(InferenceServerException, match="There is no pipeline 'nothing'"):
        client.infer("nothing", [tensor("anything", np.array([1]))])
    with pytest.raises(InferenceServerException, match="has no versions"):
        client.infer("echo", [tensor("anything", np.array([1]))], model_version="1")
    with pytest.raises(InferenceServerException, match="ValueError: no answer"):
        client.infer("fail", [tensor("anything", np.array([1]))])
    with pytest.raises(InferenceServerException, match="content encoding is not supported"):
        client.infer("echo", [tensor("anything", np.array([1]))], request_compression_algorithm="gzip")


def test_many_requests_at_a_time_get_their_own_answers(address: str) -> None:
    with triton.InferenceServerClient(address, concurrency=8) as client:
        asked = [client.async_infer("echo", [tensor("anything", np.arange(n, n + 3))]) for n in range(64)]
        answers = [request.get_result().as_numpy("echoed").tolist() for request in asked]
    assert answers == [[n, n + 1, n + 2] for n in range(64)]

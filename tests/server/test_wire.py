"""Our answers against the answers of Kedro 1.7.0's server, recorded on the tiny project."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.anyio

CASES = json.loads((Path(__file__).parent / "wire_cases.json").read_text())

# Where we deviate on purpose; docs/contract gives the reasons.
DEVIATIONS: dict[str, dict[str, Any]] = {
    # The root leads to the dashboard (SRV-11).
    "root_404": {"status": 307},
    # A caller's value is a literal, so adding it to a number fails.
    "run_params_bad_interpolation": {"status": 200, "outcome": "failure", "error": "TypeError"},
    "run_params_grammar_error": {"status": 200, "outcome": "failure", "error": "TypeError"},
    "run_params_resolver_unknown": {"status": 200, "outcome": "failure", "error": "TypeError"},
    "run_params_interpolation_injection": {"status": 200, "outcome": "failure", "error": "TypeError"},
    # A name given twice counts once.
    "run_node_names_dup": {"status": 200, "outcome": "success"},
    # A name cannot end with a newline.
    "run_runner_trailing_newline": {
        "status": 422,
        "problems": [{"type": "value_error", "loc": ["body", "runner"], "input": "SequentialRunner\n"}],
    },
    # Broken YAML in a query is an error of the caller, not of the server.
    "snapshot_params_yaml_list": {"status": 200, "outcome": "failure", "error": "ValueError"},
}


async def _ask(client: httpx.AsyncClient, request: dict[str, Any], package: str) -> httpx.Response:
    headers = dict(request.get("headers", {"content-type": "application/json"} if "raw" in request else {}))
    content = request["raw"].encode() if "raw" in request else None
    if "json" in request:
        content = json.dumps(request["json"]).replace("tiny.runners", f"{package}.runners").encode()
        headers["content-type"] = "application/json"
    return await client.request(
        request["method"], request["path"], params=request.get("params"), content=content, headers=headers
    )


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.filterwarnings("ignore:'ThreadRunner' doesn't support")
async def test_the_server_answers_as_kedro_does(
    case: dict[str, Any], tiny_served: httpx.AsyncClient, tiny: Path
) -> None:
    package = next((tiny / "src").iterdir()).name
    expected = DEVIATIONS.get(case["name"], case["expected"])
    answer = await _ask(tiny_served, case["request"], package)
    assert answer.status_code == expected["status"], answer.text
    assert answer.headers.get("allow") == expected.get("allow")
    if "detail" in expected:
        assert answer.json() == {"detail": expected["detail"]}
    if "body" in expected:
        assert answer.content == json.dumps(expected["body"], separators=(",", ":")).encode()
    if "problems" in expected:
        shown = [{key: problem[key] for key in ("type", "loc", "input")} for problem in answer.json()["detail"]]
        assert shown == expected["problems"]
    if "outcome" in expected:
        _check_outcome(answer.json(), expected)


def _check_outcome(body: dict[str, Any], expected: dict[str, Any]) -> None:
    assert body["status"] == expected["outcome"], body
    if expected["outcome"] == "failure":
        assert set(body) - {"run_id", "duration_ms"} == {"status", "error"}
        # Only the failure of a node, or one with a place in the user's code, says more (SRV-29).
        assert set(body["error"]) - {"node", "file", "line", "causes", "frames", "resume_from"} == {"type", "message"}
        assert body["error"]["type"] == expected["error"]
    elif "run_id" in body:
        assert set(body) == {"status", "run_id", "duration_ms"}

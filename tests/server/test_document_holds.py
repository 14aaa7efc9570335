"""Schemathesis sends what the OpenAPI document allows, and what it does not: the answers are those of the document.

All its checks are on: no server errors, statuses, media types, headers and bodies of the document, no wrong body that
is accepted, methods and headers that are missing, and no operation that answers without its token. Its stateful phase
uses what one answer holds in the next request.
"""

import base64
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema

from kedro_asgi.dispatch import Policy
from kedro_asgi.server import create_http_server
from kedro_asgi.server.access.tokens import make_token, token_line
from typed_project import PARAMETERS, TYPED

_PHASES = ("examples", "coverage", "fuzzing", "stateful")
# A valid body may name a run or an output that does not exist, or a key twice, or ask for more than the server takes; a
# tensor may have values that its datatype does not hold.
_ACCEPTED = ["2xx", "3xx", "400", "401", "403", "404", "409", "422", "429", "5xx"]

SOME = {"phases": ("fuzzing", "stateful"), "max_examples": 1}
MANY = {"phases": _PHASES, "max_examples": 30}


PROJECT = TYPED.replace("def one(", "def keep(rows: list[Row]):\n    return rows\n\ndef one(").replace(
    '"empty": Pipeline([]),', '"empty": Pipeline([]), "kept": Pipeline([node(keep, "rows", "out", name="keep")]),'
)
# Their names are in lists, where the stateful phase finds them.
SECTIONS = """
[tool.kedro-asgi.schedules.daily]
cron = "0 0 1 1 *"

[tool.kedro-asgi.notify.nobody]
url = "http://127.0.0.1:1"
secret_file = "secret"

[tool.kedro-asgi.batching.kept]
inputs = ["rows"]
outputs = ["out"]
"""


@pytest.fixture
def project(make_project) -> Path:
    project = make_project(PROJECT, parameters=PARAMETERS)
    with (project / "pyproject.toml").open("a") as file:
        file.write(SECTIONS)
    (project / "secret").write_text(f"whsec_{base64.b64encode(bytes(24)).decode()}")
    return project


# Hypothesis prints the large bodies that it makes, and warns that this takes time.
@pytest.mark.filterwarnings("ignore:Generating overly large repr")
@pytest.mark.parametrize(
    "amount", [SOME, pytest.param(MANY, marks=[pytest.mark.slow, pytest.mark.timeout(1800)])], ids=["some", "many"]
)
@pytest.mark.parametrize(
    "caller",
    ["no tokens", *(pytest.param(caller, marks=pytest.mark.slow) for caller in ("with a token", "without a token"))],
)
def test_answers_are_those_of_the_document(project: Path, amount: dict[str, Any], caller: str) -> None:
    token = make_token()
    tokens = {} if caller == "no tokens" else {"tokens": token_line("admin", token, ["admin"])}
    headers = {"Authorization": f"Bearer {token}"} if caller == "with a token" else {}
    # A run that is tried again may wait for a day.
    policy = Policy(max_timeout_seconds=0.5)
    # The first message to agents would import the protocol's modules, which takes seconds on a busy machine.
    import_module("kedro_asgi.server.mcp.protocol_server")
    app = create_http_server(project, store="memory:", policy=policy, allowed_hosts=["*"], mcp=amount is SOME, **tokens)
    document = schemathesis.openapi.from_asgi(
        "/openapi.json",
        app,
        config=configuration(headers=headers, **amount),
        headers={"Authorization": f"Bearer {token}"},
        timeout=120,
    )
    if amount is SOME:
        # The stream of all events tells that it is alive after 15 seconds.
        document = document.exclude(path="/events")
    assert list(failures(document)) == []


def configuration(*, phases: tuple[str, ...], max_examples: int, headers: Mapping[str, str]) -> SchemathesisConfig:
    return SchemathesisConfig.from_dict(
        {
            "seed": 1,
            "headers": dict(headers),
            "max-stream-events": 2,
            # How long hypothesis takes to make data depends on what else the machine does.
            "suppress-health-check": ["too_slow"],
            "checks": {"positive_data_acceptance": {"expected-statuses": _ACCEPTED}},
            "generation": {"max-examples": max_examples, "database": "none"},
            "phases": {phase: {"enabled": phase in phases} for phase in _PHASES},
        }
    )


def failures(document: schemathesis.BaseSchema) -> Iterator[str]:
    """Yield what schemathesis finds, with the request that shows it."""
    for event in from_schema(document).execute():
        match event:
            case events.ScenarioFinished(recorder=recorder):
                for check in (found for checks in recorder.checks.values() for found in checks):
                    if check.failure_info is not None:
                        failure = check.failure_info.failure
                        yield f"{recorder.label}: {check.name}: {failure.message}: {check.failure_info.code_sample}"
            case events.NonFatalError() | events.FatalError():
                yield str(event)

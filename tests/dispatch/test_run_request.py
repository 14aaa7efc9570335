"""The record of a run holds what a person needs to repeat it."""

import datetime
from pathlib import Path

import pytest

from kedro_asgi.dispatch import Dispatcher
from kedro_asgi.dispatch.run_request import describe_request
from kedro_asgi.runs import RunSpec
from kedro_asgi.session import AsyncSession


@pytest.mark.anyio
async def test_a_record_holds_parameters_slice_runner_and_environment(work: Path) -> None:
    (work / "conf" / "prod").mkdir()
    async with AsyncSession.create(project_path=work, env="prod") as session, Dispatcher(session) as runs:
        run = await runs.submit(
            ["calc"],
            runtime_params={"a": 5, "url": "s3://me:secret@bucket/x", "db": {"password": "1234"}},
            to_outputs=["s"],
            runner="ThreadRunner",
            outputs=["s"],
            inputs={"params:b": 3},
        )
        record = await runs.wait(run.run_id)
    assert (record.status, record.env) == ("success", "prod")
    assert record.request == {
        "pipeline_names": ["calc"],
        "to_outputs": ["s"],
        "params": {"a": 5, "url": "s3://<redacted>@bucket/x", "db": {"password": "<redacted>"}},
        "runner": "ThreadRunner",
        "inputs": ["params:b"],
        "outputs": ["s"],
    }


@pytest.mark.anyio
async def test_a_record_names_the_default_environment_of_the_project(work: Path) -> None:
    async with AsyncSession.create(project_path=work) as session, Dispatcher(session) as runs:
        await session.prepare()
        assert (await runs.submit()).env == "local"


def _nested(depth: int) -> list:
    value: list = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "params",
    [
        {"text": "x" * 10**6},
        {"list": list(range(10**5))},
        {str(n): n for n in range(10**5)},
        {"rows": [[1] * 9] * 10**5},
        {"empty": [""] * 10**5},
        {"empty": [[]] * 10**5},
        {"deep": _nested(5000)},
    ],
)
def test_a_record_holds_a_bounded_part_of_large_parameters_and_says_so(params: dict) -> None:
    told = str(describe_request(RunSpec(runtime_params=params)))
    assert len(told) < 20_000
    assert "left out)" in told


def test_values_that_json_does_not_have_are_named_by_their_type() -> None:
    assert describe_request(RunSpec(runtime_params={"day": datetime.date(2026, 1, 2)})) == {"params": {"day": "<date>"}}

"""``kedro-asgi schedules``, and what ``kedro-asgi inspect`` says of schedules."""

import json
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

LEAP = """
[tool.kedro-asgi.schedules.leap]
cron = "0 6 29 2 *"
pipeline = "calc"
"""


def with_schedules(project: Path, text: str = LEAP) -> Path:
    with (project / "pyproject.toml").open("a") as file:
        file.write(text)
    return project


def test_schedules_are_listed_paused_resumed_and_run(tiny: Path, start, command) -> None:
    server = start("kedro_asgi", "serve", with_schedules(tiny))

    def call(*arguments: str) -> str:
        done = command("schedules", *arguments, environ={"KEDRO_ASGI_URL": server.url})
        assert done.returncode == 0, done.stderr
        return done.stdout

    head, row = call("list").splitlines()
    assert head.split() == ["SCHEDULE", "CRON", "TIMEZONE", "PIPELINE", "NEXT", "STATUS", "RUN"]
    assert row.startswith("leap")
    assert "-02-29T06:00:00Z" in row
    assert call("pause", "leap") == "leap is paused.\n"
    assert "paused" in call("list")
    run_id = call("run", "leap").strip()
    assert "-02-29T06:00:00Z" in call("resume", "leap")
    (found,) = json.loads(call("list", "--format", "json"))
    assert found["last_run"]["run_id"] == run_id
    refused = command("schedules", "pause", "lea", "--url", server.url)
    assert refused.returncode == 1
    assert "There is no schedule 'lea'. Did you mean 'leap'?" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (LEAP.replace("29 2", "30 2"), "[tool.kedro-asgi.schedules.leap]: cron: '0 6 30 2 *' is not a cron expression"),
        (LEAP.replace("calc", "clac"), "schedule 'leap': there is no pipeline 'clac'. Did you mean 'calc'?"),
    ],
)
def test_inspect_tells_of_schedules_at_fault(tiny: Path, command, text: str, problem: str) -> None:
    done = command("inspect", with_schedules(tiny, text))
    assert done.returncode == 1
    assert problem in done.stderr
    assert "Traceback" not in done.stderr


def test_a_server_whose_schedules_are_at_fault_does_not_start(tiny: Path, command) -> None:
    done = command("serve", with_schedules(tiny, LEAP.replace("0 6", "x")), "--port", "0")
    assert done.returncode != 0
    assert "[tool.kedro-asgi.schedules.leap]: cron:" in done.stderr + done.stdout
    assert "Traceback" not in done.stderr + done.stdout

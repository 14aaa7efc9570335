"""Schedules of real servers over one store: workers and servers that are killed, and reloads."""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
from test_real_servers import until

from serving import Process

Start = Callable[..., Process]

pytestmark = pytest.mark.slow

# Six fields: the first are seconds.
EACH_SECOND = """
[tool.kedro-asgi.schedules.secondly]
cron = "* * * * * *"
pipeline = "calc"
missed = "run-all"
"""


def with_schedules(project: Path, text: str = EACH_SECOND) -> Path:
    with (project / "pyproject.toml").open("a") as file:
        file.write(text)
    return project


def ticks(server: Process, schedule: str = "secondly") -> list[str]:
    """Return the ticks that have runs, in order."""
    answer = httpx.get(f"{server.url}/runs", params={"label": f"schedule={schedule}", "limit": 1000}, timeout=60)
    assert answer.status_code == 200, answer.text
    return sorted(run["labels"]["scheduled_at"] for run in answer.json()["runs"])


def more_ticks(server: Process, count: int, schedule: str = "secondly") -> None:
    wanted = len(ticks(server, schedule)) + count
    until(lambda: len(ticks(server, schedule)) >= wanted)


def test_each_tick_has_one_run_although_servers_are_killed(work: Path, start: Start, shared_store: str) -> None:
    with_schedules(work)
    first, second = (start("kedro_asgi", "serve", work, "--store", shared_store, "--workers", "2") for _ in range(2))
    more_ticks(first, 3)
    first.kill()
    more_ticks(second, 3)
    first.restart()
    second.kill()
    more_ticks(first, 3)
    found = [datetime.fromisoformat(tick) for tick in ticks(first)]
    assert {later - earlier for earlier, later in pairwise(found)} == {timedelta(seconds=1)}


def test_a_reload_changes_the_schedules_of_all_workers(work: Path, start: Start) -> None:
    options = work / "pyproject.toml"
    before = options.read_text()
    server = start("kedro_asgi", "serve", with_schedules(work), "--workers", "2")
    more_ticks(server, 2)
    options.write_text(before)
    with_schedules(work, EACH_SECOND.replace("secondly", "other"))
    assert httpx.post(f"{server.url}/reload", timeout=60).status_code == 200
    # One worker has reloaded; a moment later, the others have, too.
    until(lambda: has_no_ticks(server, "secondly", beside="other"))
    schedules = httpx.get(f"{server.url}/schedules", timeout=60).json()["schedules"]
    assert [schedule["name"] for schedule in schedules] == ["other"]


def has_no_ticks(server: Process, schedule: str, *, beside: str) -> bool:
    """Whether a schedule has no runs while another one has some."""
    before = ticks(server, schedule)
    more_ticks(server, 3, beside)
    return ticks(server, schedule) == before

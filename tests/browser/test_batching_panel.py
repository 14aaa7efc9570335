"""The page of a pipeline tells of its batching, and the page of a run of its batch."""

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from accessibility import accessibility_problems
from playwright.sync_api import expect
from watched_pages import WatchedPages

from predicting import write_predicting_project
from serving import Process

pytestmark = pytest.mark.slow

_SECTION = """
[tool.kedro-asgi.batching.predict]
inputs = ["rows"]
outputs = ["scores"]
[tool.kedro-asgi.batching.saving]
inputs = ["rows"]
outputs = ["saved"]
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_predicting_project(tmp_path_factory.mktemp("batching") / "project")


@pytest.fixture(scope="module")
def url(project: Path) -> Iterator[str]:
    with (project / "pyproject.toml").open("a") as file:
        file.write(_SECTION)
    # With one slot, no batch begins beside a run that holds it for long.
    command = ["kedro_asgi", "serve", str(project), "--max-concurrent-runs", "1"]
    process = Process(command, cwd=project.parent, environ={}).wait_until_ready()
    yield process.url
    process.close()


def send_one(url: str, key: object) -> str:
    """Run a request with one row; return the id of the run."""
    body = {"inputs": {"rows": [{"key": str(key), "x": 1.0}]}, "outputs": ["scores"]}
    run_id: str = httpx.post(f"{url}/pipelines/predict/run", json=body, timeout=60).json()["run_id"]
    return run_id


def send(url: str, count: int) -> None:
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: send_one(url, number), range(count)))


def wait_for_runs(url: str, status: str, count: int) -> None:
    deadline = time.monotonic() + 120
    while len(httpx.get(f"{url}/runs", params={"status": status}, timeout=60).json()["runs"]) < count:
        assert time.monotonic() < deadline


def test_the_page_shows_sizes_waits_and_gain(url: str, pages: WatchedPages) -> None:
    send(url, 1)
    httpx.get(f"{url}/batching", timeout=60)
    send(url, 40)
    page = pages.open(f"{url}/dashboard/#/project/predict")
    panel = page.get_by_role("region", name="Batching")
    expect(panel).to_contain_text("Rows of rows give rows of scores: at most 256 rows a batch, after 5 ms at most.")
    expect(panel.get_by_text("batched", exact=True)).to_be_visible()
    for title in ("Runs a batch", "Mean wait", "Time saved"):
        expect(panel).to_contain_text(title)
    runs = panel.locator("dt", has_text="Runs").first.locator("xpath=following-sibling::dd")
    expect(runs).to_have_text("40")
    expect(panel.get_by_role("table", name="Batches by their number of runs")).to_be_visible()
    assert accessibility_problems(page) == []
    send(url, 3)
    expect(runs).to_have_text("43")


def test_the_page_says_why_a_pipeline_is_not_batched(url: str, pages: WatchedPages) -> None:
    page = pages.open(f"{url}/dashboard/#/project/saving")
    panel = page.get_by_role("region", name="Batching")
    expect(panel).to_contain_text("it saves 'saved', and a batch would save the rows of all its runs there at once.")
    page = pages.open(f"{url}/dashboard/#/project/strict")
    expect(page.get_by_role("region", name="Pipeline strict")).to_be_visible()
    expect(page.get_by_role("region", name="Batching")).to_have_count(0)


def test_the_page_of_a_run_shows_its_batch(url: str, project: Path, pages: WatchedPages) -> None:
    send(url, 1)
    httpx.get(f"{url}/batching", timeout=60)
    with ThreadPoolExecutor(4) as threads:
        first = threads.submit(send_one, url, "gate")
        wait_for_runs(url, "running", 1)
        others = [threads.submit(send_one, url, number) for number in range(3)]
        wait_for_runs(url, "queued", 3)
        (project / "gate").touch()
        run_id = others[0].result()
        alone = first.result()
    page = pages.open(f"{url}/dashboard/#/runs/{run_id}?tab=log")
    fact = page.locator(".facts div", has=page.get_by_text("Batch", exact=True))
    expect(fact).to_have_text(re.compile(r"3 runs, 3 rows \d{4}-"))
    expect(page.get_by_text("Lines of a batch are in the server's log only")).to_be_visible()
    assert accessibility_problems(page) == []
    page = pages.open(f"{url}/dashboard/#/runs/{alone}?tab=log")
    expect(page.get_by_role("log")).to_contain_text("rows:")
    expect(page.get_by_text("Batch", exact=True)).to_have_count(0)

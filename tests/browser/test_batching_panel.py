"""What the page of a pipeline tells of its batching."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

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
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("batching")
    project = write_predicting_project(folder / "project")
    with (project / "pyproject.toml").open("a") as file:
        file.write(_SECTION)
    process = Process(["kedro_asgi", "serve", str(project)], cwd=folder, environ={}).wait_until_ready()
    yield process.url
    process.close()


def send(url: str, count: int) -> None:
    def one(number: int) -> None:
        body = {"inputs": {"rows": [{"key": str(number), "x": 1.0}]}, "outputs": ["scores"]}
        httpx.post(f"{url}/pipelines/predict/run", json=body, timeout=60).raise_for_status()

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(one, range(count)))


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

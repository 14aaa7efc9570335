"""A served project, and a browser that looks at it.

Browser and server live as long as the tests of a file. They are in processes of their own, and these tests are
synchronous: Playwright's event loop and that of AnyIO's tests never meet.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from chromium import chromium_path, open_chromium
from playwright.sync_api import Browser
from served_project import write_served_project
from watched_pages import WatchedPages

from serving import Process


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser; skipped where Chromium is not installed, which CI must not do."""
    path = chromium_path()
    if path is None:
        message = "Chromium is not installed (Debian: apt-get install chromium)"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    with open_chromium(path) as opened:
        yield opened


@pytest.fixture
def watch(browser: Browser) -> Iterator[Callable[..., WatchedPages]]:
    """Return a function that opens a context, with options of Playwright's ``new_context``.

    The test fails if anything went wrong in its pages: an error of the console or a script, a violation of the content
    security policy, or a request to another host.
    """
    watched: list[WatchedPages] = []
    contexts = []

    def make(**options: object) -> WatchedPages:
        contexts.append(browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options}))
        watched.append(WatchedPages(contexts[-1]))
        return watched[-1]

    yield make
    for context in contexts:
        context.close()
    assert [problem for pages in watched for problem in pages.problems] == []


@pytest.fixture
def pages(watch: Callable[..., WatchedPages]) -> WatchedPages:
    """Pages on a screen of a laptop."""
    return watch()


class Served(msgspec.Struct, frozen=True, kw_only=True):
    """A server of `write_served_project`; its runs of ``held`` wait until `open_gate` is called."""

    url: str
    folder: Path
    http: httpx.Client

    @property
    def dashboard(self) -> str:
        return f"{self.url}/dashboard/"

    def open_gate(self, name: str) -> None:
        """Let runs with ``params: {gate: name}`` go on."""
        (self.folder / name).touch()

    def submit(self, pipeline: str, **body: Any) -> str:
        """Submit a run, and return its id."""
        answer = self.http.post("/runs", json={"pipeline_names": [pipeline], **body}).raise_for_status()
        return str(answer.json()["run_id"])

    def wait(self, run_id: str) -> dict[str, Any]:
        """Return the record of a run that has ended."""
        record = self.http.get(f"/runs/{run_id}", params={"wait": 60}).json()
        assert record["ended_at"], record
        return dict(record)


@contextmanager
def serving(folder: Path, *arguments: object) -> Iterator[Served]:
    """Serve the project for pages out of ``folder``; ``arguments`` are those of ``kedro-asgi serve``."""
    project = write_served_project(folder / "project")
    line = ["kedro_asgi", "serve", str(project), *map(str, arguments)]
    process = Process(line, cwd=folder, environ={}).wait_until_ready()
    with httpx.Client(base_url=process.url, timeout=90) as http:
        yield Served(url=process.url, folder=folder, http=http)
    process.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that all tests of a file use."""
    with serving(tmp_path_factory.mktemp("served")) as server:
        yield server

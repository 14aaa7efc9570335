"""A served project, and a browser that looks at it.

Browser and server live as long as the tests of a file. They are in processes of their own, and these tests are
synchronous: Playwright's event loop and that of AnyIO's tests never meet.
"""

import os
from collections.abc import Callable, Iterator

import pytest
from chromium import chromium_path, open_chromium
from playwright.sync_api import Browser, expect
from project_server import Served, serve_project
from watched_pages import WatchedPages

# The tests of other files take the processor at the same time.
expect.set_options(timeout=60_000)

# Without motion, since axe would judge the colours between two states.
_OPTIONS = {"viewport": {"width": 1280, "height": 800}, "reduced_motion": "reduce"}


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
        contexts.append(browser.new_context(**{**_OPTIONS, **options}))
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


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that all tests of a file use."""
    with serve_project(tmp_path_factory.mktemp("served")) as server:
        yield server

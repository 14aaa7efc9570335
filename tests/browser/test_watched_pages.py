"""The watch that every browser test relies on sees what goes wrong."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser
from watched_pages import WatchedPages

BROKEN = {
    "a request to another host": '<img src="http://elsewhere.example/a.png" alt="">',
    "an error of a script": "<script>setTimeout(() => { throw new Error('boom'); })</script>",
    "an error of the console": "<script>console.error('boom')</script>",
    "a violation of the policy": """
        <meta http-equiv="Content-Security-Policy" content="script-src 'none'"><script>1</script>
    """,
}


@pytest.fixture
def blank(browser: Browser) -> Iterator[WatchedPages]:
    context = browser.new_context()
    yield WatchedPages(context)
    context.close()


@pytest.mark.parametrize("html", BROKEN.values(), ids=BROKEN)
def test_a_broken_page_is_noticed(blank: WatchedPages, html: str) -> None:
    page = blank.open()
    page.set_content(html)
    with page.expect_console_message(lambda message: message.text == "done"):
        page.evaluate("setTimeout(() => console.log('done'), 20)")
    assert blank.problems != []


def test_a_good_page_is_not(pages: WatchedPages) -> None:
    page = pages.open()
    page.set_content("<!doctype html><title>Good</title><p>Nothing is wrong.</p>")
    assert page.title() == "Good"

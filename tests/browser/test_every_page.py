"""Every page is accessible, fit for a phone and for dark rooms, small, and under a strict policy."""

from collections.abc import Callable

import httpx
import pytest
from accessibility import accessibility_problems
from playwright.sync_api import Page
from project_server import Served
from watched_pages import WatchedPages

pytestmark = pytest.mark.slow

# Each with a text that shows that the page is complete.
PAGES = {
    "project": ("#/project", "offers"),
    "pipeline": ("#/project/offers", "offers"),
    "start": ("#/start/offers", "Parameters"),
    "runs": ("#/runs", "Live"),
    "run": ("#/runs/{success}", "success"),
    "outputs": ("#/runs/{success}?tab=outputs", "scores"),
    "failed run": ("#/runs/{failure}", "ZeroDivisionError"),
    "log": ("#/runs/{failure}?tab=log", "about to divide"),
    "request": ("#/runs/{failure}?tab=request", "failing"),
    "comparison": ("#/compare?run={success}&run={failure}", "Compare"),
    "schedules": ("#/schedules", "Europe/Berlin"),
    "missing": ("#/nowhere", "There is no such page"),
}
LARGEST_BYTES = 200_000


@pytest.fixture(scope="module")
def run_ids(served: Served) -> dict[str, str]:
    ids = {"success": served.submit("offers", outputs=["scores"]), "failure": served.submit("failing")}
    for run_id in ids.values():
        served.wait(run_id)
    return ids


def open_page(pages: WatchedPages, served: Served, name: str, run_ids: dict[str, str]) -> Page:
    address, text = PAGES[name]
    page = pages.open(served.dashboard + address.format(**run_ids))
    page.get_by_role("main").get_by_text(text).first.wait_for()
    page.wait_for_function("document.querySelector('main h1') !== null")
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(
    served: Served, watch: Callable[..., WatchedPages], run_ids: dict[str, str], name: str, scheme: str
) -> None:
    page = open_page(watch(color_scheme=scheme, reduced_motion="reduce"), served, name, run_ids)
    assert accessibility_problems(page) == []


@pytest.mark.parametrize("name", PAGES)
def test_a_phone_shows_the_whole_width(
    served: Served, watch: Callable[..., WatchedPages], run_ids: dict[str, str], name: str
) -> None:
    phone = watch(viewport={"width": 360, "height": 740}, is_mobile=True, has_touch=True)
    page = open_page(phone, served, name, run_ids)
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 360, page.evaluate(
        "[...document.querySelectorAll('main *')].filter((e) => e.getBoundingClientRect().right > 361)"
        ".slice(0, 5).map((e) => e.outerHTML.slice(0, 200))"
    )


def test_a_dark_system_gets_dark_pages(served: Served, watch: Callable[..., WatchedPages]) -> None:
    def background(scheme: str) -> str:
        page = watch(color_scheme=scheme).open(served.dashboard)
        return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))

    assert background("dark") != background("light")


def test_all_pages_together_are_small(served: Served, pages: WatchedPages, run_ids: dict[str, str]) -> None:
    page = pages.open()
    sizes: dict[str, int] = {}
    devtools = page.context.new_cdp_session(page)
    urls: dict[str, str] = {}
    devtools.on("Network.requestWillBeSent", lambda sent: urls.update({sent["requestId"]: sent["request"]["url"]}))
    devtools.on(
        "Network.loadingFinished",
        lambda done: sizes.update({urls.get(done["requestId"], "?"): done["encodedDataLength"]}),
    )
    devtools.send("Network.enable")
    for name, (address, text) in PAGES.items():
        page.goto(served.dashboard + address.format(**run_ids))
        page.get_by_role("main").get_by_text(text).first.wait_for()
        if name == "project":
            first = sum(sizes.values())
    assert 0 < first < LARGEST_BYTES / 2, sizes
    assert sum(sizes.values()) < LARGEST_BYTES, sizes


def test_the_policy_allows_nothing_from_elsewhere(served: Served) -> None:
    policy = httpx.get(served.dashboard).headers["content-security-policy"]
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert directives["default-src"] == "'none'"
    assert directives["script-src"] == directives["style-src"] == directives["connect-src"] == "'self'"
    assert "unsafe" not in policy
    page = httpx.get(served.dashboard).text
    assert "<style" not in page
    assert " style=" not in page
    assert "onclick" not in page.lower()

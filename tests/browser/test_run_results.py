"""The outputs of a run on its page, and the runs that repeat it."""

import re
from collections.abc import Callable

import pytest
from accessibility import accessibility_problems
from playwright.sync_api import Page, expect
from project_server import Served
from watched_pages import WatchedPages

pytestmark = pytest.mark.slow


def node(page: Page, name: str, status: str):
    return page.locator(f'.timeline li[data-node="{name}"][data-status="{status}"]')


def badge(page: Page):
    return page.locator(".page-head .badge")


@pytest.fixture
def run_page(served: Served, pages: WatchedPages) -> Callable[..., Page]:
    """Return a function that submits a run and opens its page."""

    def open_page(pipeline: str, *, tab: str = "nodes", **body: object) -> Page:
        run_id = served.submit(pipeline, **body)
        return pages.open(f"{served.dashboard}#/runs/{run_id}?tab={tab}")

    return open_page


def test_a_failure_shows_its_place(run_page, served: Served) -> None:
    page = run_page("failing")
    error = page.get_by_role("region", name="ZeroDivisionError")
    expect(error).to_contain_text("in node divide")
    expect(error).to_contain_text("pipeline_registry.py")
    expect(error).to_contain_text("return len(gate) / 0")
    expect(node(page, "divide", "failure")).to_be_visible()
    # It has saved nothing that another run could load.
    expect(page.get_by_role("button", name="Run again")).to_be_visible()
    expect(page.get_by_role("button", name="Rerun from the failure")).to_have_count(0)


def test_what_a_failed_run_has_left_runs_with_what_it_has_saved(run_page, served: Served) -> None:
    page = run_page("offers", inputs={"offers": [{"crew": 4}]})
    expect(node(page, "score", "failure")).to_be_visible()
    before = page.url
    page.get_by_role("button", name="Rerun from the failure").click()
    page.wait_for_url(lambda url: url != before)
    again = served.wait(page.url.rpartition("/")[2])
    assert again["rerun_of"] == before.rpartition("/")[2].partition("?")[0]
    # The model was in memory only, so its node runs again.
    assert again["request"] == {"pipeline_names": ["offers"], "from_nodes": ["train"]}


def test_attempts_are_shown(run_page, served: Served) -> None:
    page = run_page("failing", retries={"node": {"retries": 2, "delay_seconds": 0}})
    row = node(page, "divide", "failure")
    expect(row.locator(".bar.failed-attempt")).to_have_count(2)
    expect(row).to_contain_text("attempt 3")
    row.get_by_role("button").click()
    expect(page.get_by_role("status").filter(has_text="2 failed attempts: ZeroDivisionError")).to_be_visible()
    expect(page.locator(".facts")).to_contain_text("Failed attempts2")
    assert accessibility_problems(page) == []


def test_a_run_is_repeated_with_its_parameters_and_labels(run_page, served: Served) -> None:
    page = run_page("quick", params={"gate": "repeat"}, labels={"team": "ml"})
    expect(badge(page)).to_have_text("success")
    before = page.url
    page.get_by_role("button", name="Run again").click()
    page.wait_for_url(lambda url: url != before)
    again = served.wait(page.url.rpartition("/")[2])
    assert (again["request"]["params"], again["labels"]) == ({"gate": "repeat"}, {"team": "ml"})
    expect(page.get_by_role("link", name="Run with changes")).to_have_attribute(
        "href", f"#/start/quick?from={again['run_id']}"
    )


def test_a_run_is_compared_with_the_one_before(run_page, served: Served) -> None:
    before = served.submit("quick", params={"gate": "before"})
    served.wait(before)
    page = run_page("quick", params={"gate": "after"})
    page.get_by_role("button", name="Compare").click()
    parameters = page.get_by_role("region", name="Parameters and filters")
    expect(parameters.get_by_role("row").filter(has_text="gate")).to_contain_text(re.compile("before.*after"))
    expect(page).to_have_url(re.compile(re.escape(f"run={before}&run=")))


def test_a_run_with_data_of_its_own_is_repeated_with_them(run_page, served: Served) -> None:
    page = run_page("quick", inputs={"params:gate": "own"}, outputs=["result"])
    expect(badge(page)).to_have_text("success")
    before = page.url
    page.get_by_role("button", name="Run again").click()
    page.wait_for_url(lambda url: url != before)
    again = served.wait(page.url.rpartition("/")[2])
    assert served.http.get(f"/runs/{again['run_id']}/outputs/result").json() == "OWN"


def test_outputs_are_tables_texts_and_pictures(run_page, served: Served) -> None:
    page = run_page("offers", tab="outputs", outputs=["scores", "model"])
    expect(page.get_by_role("region", name="Table scores").get_by_role("row")).to_have_count(4)
    page.get_by_role("heading", name="model").click()
    expect(page.locator(".value-text")).to_contain_text('"name": "baseline"')
    expect(page.get_by_role("heading", name="Saved datasets")).to_be_visible()
    assert accessibility_problems(page) == []
    page = run_page("pictures", tab="outputs", outputs=["figure", "picture"])
    # The run imports plotly, and the frame loads its script.
    expect(page.frame_locator("iframe").locator(".main-svg").first).to_be_visible()
    page.get_by_role("heading", name="picture").click()
    expect(page.get_by_role("img", name="picture")).to_be_visible()


def test_long_numbers_stay_exact(run_page) -> None:
    page = run_page("ids", tab="outputs", outputs=["rows"])
    expect(page.get_by_role("region", name="Table rows")).to_contain_text(str(2**53 + 1))


def test_tabs_are_moved_by_keys_and_in_the_address(run_page) -> None:
    page = run_page("quick")
    page.get_by_role("tab", name="Nodes").press("ArrowRight")
    expect(page.get_by_role("tab", name="Log")).to_be_focused()
    expect(page).to_have_url(re.compile("tab=log"))
    page.get_by_role("tab", name="Log").press("End")
    expect(page.get_by_role("heading", name="Parameters")).to_be_visible()


def test_an_unknown_run_is_an_error(served: Served, watch: Callable[..., WatchedPages]) -> None:
    pages = watch()
    pages.expected_statuses = {404}
    page = pages.open(f"{served.dashboard}#/runs/2026-01-01T00.00.00.000Z-00000000000000")
    expect(page.get_by_role("alert")).to_contain_text("No such run")

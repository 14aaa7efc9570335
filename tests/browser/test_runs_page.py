"""The list of runs and the comparison of two: live, filtered by the address, and paged."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from accessibility import accessibility_problems
from playwright.sync_api import Page, expect
from project_server import Served, serve_project
from watched_pages import WatchedPages

pytestmark = pytest.mark.slow


def row(page: Page, run_id: str):
    return page.locator(f'tr[data-run="{run_id}"]')


def test_runs_appear_and_end_while_the_page_is_open(served: Served, pages: WatchedPages) -> None:
    page = pages.open(f"{served.dashboard}#/runs")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    run_id = served.submit("held", params={"gate": "list"}, labels={"team": "ml"})
    expect(row(page, run_id)).to_contain_text("running")
    expect(row(page, run_id)).to_contain_text("team=ml")
    served.open_gate("list")
    expect(row(page, run_id)).to_contain_text("success")


def test_filters_are_in_the_address(served: Served, pages: WatchedPages) -> None:
    failed = served.submit("failing", labels={"team": "a&b=c"})
    quick = served.submit("quick")
    for run_id in (failed, quick):
        served.wait(run_id)
    page = pages.open(f"{served.dashboard}#/runs?status=failure")
    expect(row(page, failed)).to_contain_text("ZeroDivisionError")
    expect(row(page, quick)).to_have_count(0)
    page.get_by_role("group", name="Status").get_by_text("success").click()
    expect(row(page, quick)).to_be_visible()
    page.get_by_label("Pipeline", exact=True).select_option("failing")
    expect(row(page, quick)).to_have_count(0)
    page.get_by_label("Label").fill("team=a&b=c")
    page.get_by_label("Label").press("Enter")
    expect(page).to_have_url(re.compile(r"status=failure&status=success&pipeline=failing&label=team%3Da%26b%3Dc$"))
    expect(row(page, failed)).to_be_visible()
    page.reload()
    expect(row(page, failed)).to_be_visible()
    expect(page.get_by_role("button", name="team=a&b=c")).to_be_visible()
    page.get_by_role("button", name="team=a&b=c").click()
    expect(page).to_have_url(re.compile("pipeline=failing$"))


def test_a_run_is_cancelled_from_the_list_and_all_tabs_see_it(served: Served, pages: WatchedPages) -> None:
    run_id = served.submit("held", params={"gate": "cancelled"})
    one, other = (pages.open(f"{served.dashboard}#/runs") for _ in range(2))
    row(one, run_id).get_by_role("button", name="Cancel").click()
    expect(row(one, run_id)).to_contain_text("stopping")
    served.open_gate("cancelled")
    for page in (one, other):
        expect(row(page, run_id)).to_contain_text("cancelled")


def test_a_long_list_has_pages(served: Served, pages: WatchedPages) -> None:
    label = {"batch": "long"}
    runs = [served.submit("quick", labels=label) for _ in range(53)]
    for run_id in runs:
        served.wait(run_id)
    page = pages.open(f"{served.dashboard}#/runs?label=batch%3Dlong")
    expect(page.locator("tbody tr")).to_have_count(50)
    page.get_by_role("link", name="Older").click()
    expect(page.locator("tbody tr")).to_have_count(3)
    expect(row(page, runs[0])).to_be_visible()
    page.go_back()
    expect(row(page, runs[-1])).to_be_visible()


def test_two_runs_are_compared(served: Served, pages: WatchedPages) -> None:
    made = [
        served.submit("offers", params={"training": {"depth": depth}}, outputs=["model", "scores"]) for depth in (3, 9)
    ]
    for run_id in made:
        assert served.wait(run_id)["status"] == "success"
    page = pages.open(f"{served.dashboard}#/runs")
    for run_id in made:
        row(page, run_id).get_by_role("checkbox").check()
    page.get_by_role("link", name="Compare the two").click()
    parameters = page.get_by_role("region", name="Parameters and filters")
    expect(parameters.get_by_role("row").filter(has_text="training.depth")).to_contain_text(re.compile("3.*9"))
    expect(page.get_by_role("region", name="Node durations")).to_contain_text("train")
    outputs = page.get_by_role("region", name="Outputs")
    expect(outputs.get_by_role("row").filter(has_text="model.depth")).to_contain_text("+6")
    page.get_by_label("Only differences").check()
    expect(outputs).not_to_contain_text("model.name")
    assert accessibility_problems(page) == []


def run_quickly(url: str) -> set[int]:
    """Run a pipeline 625 times, and return the statuses; threads that share a client close each other's connections."""
    with httpx.Client(base_url=url, timeout=90) as http:
        return {http.post("/run", json={"pipeline_names": ["quick"]}).status_code for _ in range(625)}


@pytest.mark.timeout(900)
def test_10000_runs_in_the_history_are_paged(tmp_path: Path, pages: WatchedPages) -> None:
    with serve_project(tmp_path) as served:
        with ThreadPoolExecutor(16) as clients:
            answers = list(clients.map(run_quickly, [served.process.url] * 16))
        assert set().union(*answers) == {200}
        page = pages.open(f"{served.dashboard}#/runs")
        rows = page.locator("tbody tr")
        expect(rows).to_have_count(50)
        newest = str(rows.first.get_attribute("data-run"))
        page.get_by_role("link", name="Older").click()
        expect(row(page, newest)).to_have_count(0)
        expect(rows).to_have_count(50)
        page.get_by_role("link", name="Newest").click()
        expect(row(page, newest)).to_be_visible()
        page.close()

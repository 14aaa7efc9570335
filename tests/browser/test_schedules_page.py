"""The page of schedules: their next ticks and last runs, and buttons that pause, resume and run them."""

import re

import pytest
from playwright.sync_api import Page, expect
from project_server import Served
from watched_pages import WatchedPages

pytestmark = pytest.mark.slow


def row(page: Page, name: str):
    return page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=name, exact=True))


def test_a_schedule_is_paused_resumed_and_run(served: Served, pages: WatchedPages) -> None:
    page = pages.open(f"{served.dashboard}#/schedules")
    leap = row(page, "leap")
    expect(leap).to_contain_text("0 6 29 2 *")
    expect(leap).to_contain_text(re.compile("Feb 2[89]|Mar 1|29"))
    expect(leap).to_contain_text("none yet")
    leap.get_by_role("button", name="Pause leap").click()
    expect(leap.get_by_text("paused", exact=True)).to_be_visible()
    assert [found["is_paused"] for found in served.http.get("/schedules").json()["schedules"]] == [True, False]
    leap.get_by_role("button", name="Run now leap").click()
    expect(leap).to_contain_text("success")
    leap.get_by_role("button", name="Resume leap").click()
    expect(leap.get_by_text("paused", exact=True)).to_have_count(0)
    leap.get_by_role("link", name="leap").click()
    expect(page).to_have_url(re.compile(r"#/runs\?label=schedule%3Dleap$"))
    expect(page.locator("tbody tr")).to_have_count(1)


def test_a_name_of_any_text_is_a_text(served: Served, pages: WatchedPages) -> None:
    page = pages.open(f"{served.dashboard}#/schedules")
    odd = row(page, "a <b> & c")
    odd.get_by_role("button", name="Run now").click()
    expect(odd).to_contain_text("failure")
    odd.get_by_role("link", name=re.compile("T")).click()
    expect(page.get_by_text("ZeroDivisionError").first).to_be_visible()


def test_a_schedule_that_is_gone_is_told(served: Served, pages: WatchedPages) -> None:
    pages.expected_statuses = {404}
    page = pages.open(f"{served.dashboard}#/schedules")
    page.route("**/schedules/*/pause", lambda route: route.continue_(url=f"{served.url}/schedules/gone/pause"))
    row(page, "leap").get_by_role("button", name="Pause leap").click()
    expect(page.get_by_role("alert")).to_contain_text("There is no schedule 'gone'.")

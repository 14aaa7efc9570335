"""The one test in a browser that every test run has: from the server's address to a run that has ended."""

from playwright.sync_api import expect
from project_server import Served
from watched_pages import WatchedPages


def test_a_run_starts_from_the_form(served: Served, pages: WatchedPages) -> None:
    page = pages.open(served.url)
    page.get_by_role("link", name="Start", exact=True).click()
    page.get_by_label("Pipeline", exact=True).select_option("quick")
    page.get_by_label("gate").fill("smoke")
    page.get_by_role("button", name="Start the run").click()
    page.wait_for_url("**/dashboard/#/runs/*")
    record = served.wait(page.url.rpartition("/")[2])
    assert (record["status"], record["request"]["params"]) == ("success", {"gate": "smoke"})
    expect(page.get_by_text("success").first).to_be_visible()

"""The page of a run, and the list of runs: live, after a reload, in two tabs, and after the server was gone."""

from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect
from project_server import Served, serve_project
from served_project import HOSTILE
from watched_pages import WatchedPages

pytestmark = pytest.mark.slow


def badge(page: Page) -> Locator:
    return page.locator(".page-head .badge")


def node(page: Page, name: str) -> Locator:
    return page.locator(f'li[data-node="{name}"]')


def open_run(pages: WatchedPages, served: Served, run_id: str) -> Page:
    return pages.open(f"{served.dashboard}#/runs/{run_id}")


def test_nodes_turn_while_the_run_goes_on(served: Served, pages: WatchedPages) -> None:
    page = pages.open(f"{served.dashboard}#/start/held")
    page.get_by_label("gate").fill("turn")
    page.get_by_role("button", name="Start the run").click()
    expect(node(page, "wait")).to_have_attribute("data-status", "running")
    expect(node(page, "shout")).to_have_attribute("data-status", "waiting")
    served.open_gate("turn")
    expect(badge(page)).to_have_text("success")
    expect(node(page, "wait")).to_have_attribute("data-status", "success")
    expect(node(page, "shout")).to_have_attribute("data-status", "success")


def test_a_run_can_be_cancelled(served: Served, pages: WatchedPages) -> None:
    page = open_run(pages, served, served.submit("held", params={"gate": "cancelled"}))
    expect(node(page, "wait")).to_have_attribute("data-status", "running")
    page.get_by_role("button", name="Cancel").click()
    expect(badge(page)).to_have_text("stopping")
    served.open_gate("cancelled")
    expect(badge(page)).to_have_text("cancelled")
    expect(node(page, "shout")).not_to_have_attribute("data-status", "success")


def test_a_failure_shows_its_place(served: Served, pages: WatchedPages) -> None:
    run_id = served.submit("failing")
    record = served.wait(run_id)
    page = open_run(pages, served, run_id)
    expect(badge(page)).to_have_text("failure")
    error = page.get_by_role("region", name="ZeroDivisionError")
    expect(error).to_contain_text("in node divide")
    expect(error).to_contain_text("division by zero")
    expect(error).to_contain_text(f"pipeline_registry.py:{record['error']['line']}")
    lines = Path(record["error"]["file"]).read_text(encoding="utf-8").splitlines()
    assert "len(gate) / 0" in lines[record["error"]["line"] - 1]


def test_a_reload_in_the_middle_loses_nothing(served: Served, pages: WatchedPages) -> None:
    page = open_run(pages, served, served.submit("held", params={"gate": "reloaded"}))
    page.get_by_role("tab", name="Log").click()
    expect(page.get_by_text("waiting for reloaded")).to_be_visible()
    page.reload()
    expect(page.get_by_text("waiting for reloaded")).to_be_visible()
    page.get_by_role("tab", name="Nodes").click()
    expect(node(page, "wait")).to_have_attribute("data-status", "running")
    served.open_gate("reloaded")
    expect(badge(page)).to_have_text("success")


def test_the_log_is_searched_and_filtered(served: Served, pages: WatchedPages) -> None:
    run_id = served.submit("failing")
    served.wait(run_id)
    page = pages.open(f"{served.dashboard}#/runs/{run_id}?tab=log")
    log = page.get_by_role("log")
    expect(log).to_contain_text("about to divide")
    page.get_by_label("Level").select_option("ERROR")
    expect(log.get_by_text("about to divide")).to_have_count(0)
    page.get_by_label("Level").select_option("WARNING")
    expect(log).to_contain_text("about to divide")
    page.get_by_label("Search").fill("nothing like this")
    expect(page.get_by_text("No line matches.")).to_be_visible()


def test_all_tabs_follow_all_runs(served: Served, pages: WatchedPages) -> None:
    first, second = (pages.open(f"{served.dashboard}#/runs?pipeline=held") for _ in range(2))
    for page in (first, second):
        expect(page.get_by_text("Live")).to_be_visible()
    run_id = served.submit("held", params={"gate": "tabs"})
    rows = [page.get_by_role("row").filter(has=page.locator(f'a[href*="{run_id}"]')) for page in (first, second)]
    for row in rows:
        expect(row).to_contain_text("running")
    served.open_gate("tabs")
    for row in rows:
        expect(row).to_contain_text("success")


def test_texts_from_users_stay_texts(served: Served, pages: WatchedPages) -> None:
    run_id = served.submit("hostile", labels={"owner": HOSTILE}, params={"gate": HOSTILE})
    served.wait(run_id)
    page = open_run(pages, served, run_id)
    # A label, an error, a log line, a parameter, and a dataset.
    expect(page.get_by_text(f"owner={HOSTILE}")).to_be_visible()
    expect(page.locator(".error-message")).to_have_text(HOSTILE)
    page.get_by_role("tab", name="Log").click()
    expect(page.get_by_role("log")).to_contain_text(HOSTILE)
    page.get_by_role("tab", name="Request").click()
    expect(page.get_by_role("tabpanel")).to_contain_text(HOSTILE)
    for address in ("#/runs", f"#/start/hostile?from={run_id}", "#/project/hostile"):
        page = pages.open(served.dashboard + address)
        page.get_by_role("heading", level=1).wait_for()
        expect(page.get_by_text(HOSTILE).first).to_be_attached()
        assert page.locator("img[src=x]").count() == 0


def test_300_nodes_stay_readable(served: Served, pages: WatchedPages) -> None:
    run_id = served.submit("many")
    page = open_run(pages, served, run_id)
    expect(badge(page)).to_have_text("success")
    expect(page.locator('li[data-node][data-status="success"]')).to_have_count(300)


def test_a_page_follows_again_after_the_server_was_gone(tmp_path: Path, watch) -> None:
    pages = watch()
    with serve_project(tmp_path) as served:
        run_id = served.submit("held", params={"gate": "never"}, on_interrupt="mark")
        page = open_run(pages, served, run_id)
        expect(node(page, "wait")).to_have_attribute("data-status", "running")
        # What becomes of a request depends on the moment of the kill, and the next server opens the project at first.
        pages.expected_texts.append("net::ERR_")
        pages.expected_statuses.add(503)
        served.process.kill()
        expect(page.get_by_text("Connection lost")).to_be_visible()
        served.process.restart()
        expect(badge(page)).to_have_text("interrupted")


@pytest.mark.parametrize("name", ["..", "."])
def test_a_name_of_dots_asks_for_no_other_route(name: str, served: Served, pages: WatchedPages) -> None:
    page = open_run(pages, served, name)
    expect(page.get_by_role("alert")).to_contain_text(f"An address cannot hold the name '{name}'.")


def test_the_page_shows_all_labels(served: Served, pages: WatchedPages) -> None:
    labels = {f"label{n}": str(n) for n in range(5)}
    page = open_run(pages, served, served.submit("quick", labels=labels))
    expect(page.locator(".facts .chip")).to_have_text([f"{name}={value}" for name, value in labels.items()])

"""The text of outputs that generator nodes make, while they make it."""

import pytest
from accessibility import accessibility_problems
from playwright.sync_api import expect
from project_server import Served
from watched_pages import WatchedPages

pytestmark = pytest.mark.slow


def test_a_run_shows_what_it_yields_as_it_comes(served: Served, pages: WatchedPages) -> None:
    page = pages.open(f"{served.dashboard}#/start/story")
    page.get_by_label("gate", exact=True).fill("told")
    page.get_by_role("button", name="Start the run").click()
    live = page.get_by_role("region", name="Live text of text")
    expect(live.locator("pre")).to_have_text("Once upon a <b>time</b>")
    expect(page.locator(".page-head .badge")).to_have_text("running")
    assert accessibility_problems(page) == []
    served.open_gate("told")
    expect(live.locator("pre")).to_have_text('Once upon a <b>time</b>{"the":"end"}')
    expect(live).to_contain_text("All that was streamed")
    # The run is stored like any other, with its output.
    page.wait_for_url("**/#/runs/*")
    run_id = page.url.partition("/#/runs/")[2].partition("?")[0]
    assert (served.wait(run_id)["status"], served.http.get(f"/runs/{run_id}/outputs/text").json()) == (
        "success",
        {"the": "end"},
    )
    page.get_by_role("tab", name="Log").click()
    page.get_by_role("tab", name="Outputs").click()
    expect(live.locator("pre")).to_contain_text("Once upon a")
    page.reload()
    expect(page.get_by_role("tabpanel")).to_contain_text("end")
    expect(live).to_have_count(0)


def test_a_page_reads_two_streams_and_older_runs_go_on_without_it(served: Served, pages: WatchedPages) -> None:
    page = pages.open(f"{served.dashboard}#/start/story")
    run_ids = []
    for name in ("first", "second", "third"):
        page.get_by_label("gate", exact=True).fill(name)
        page.get_by_role("button", name="Start the run").click()
        expect(page.get_by_role("region", name="Live text of text")).to_contain_text("Once upon a")
        page.wait_for_url("**/#/runs/*")
        run_ids.append(page.url.partition("/#/runs/")[2].partition("?")[0])
        page.goto(f"{served.dashboard}#/start/story")
    page.goto(f"{served.dashboard}#/runs/{run_ids[0]}?tab=outputs")
    live = page.get_by_role("region", name="Live text of text")
    expect(live).to_contain_text("The page has not read the rest")
    page.goto(f"{served.dashboard}#/runs/{run_ids[1]}?tab=outputs")
    expect(live).to_contain_text("As it arrives")
    for name in ("first", "second", "third"):
        served.open_gate(name)
    assert [served.wait(run_id)["status"] for run_id in run_ids] == ["success"] * 3
    expect(live).to_contain_text("All that was streamed")

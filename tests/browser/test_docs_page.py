"""The page that shows the OpenAPI document, in a browser."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import expect
from project_server import Served, serve_project
from watched_pages import WatchedPages

pytestmark = pytest.mark.slow


def test_a_pipeline_runs_from_the_page(served: Served, pages: WatchedPages) -> None:
    """`pages` also fails for a violation of the policy, and for a request to another host."""
    page = pages.open(f"{served.url}/docs")
    operation = page.locator(".opblock", has=page.locator("[data-path='/pipelines/quick/run']"))
    operation.locator(".opblock-summary").click()
    operation.get_by_role("button", name="Try it out").click()
    operation.locator("textarea").fill(json.dumps({"params": {"gate": "docs"}}))
    with page.expect_response("**/pipelines/quick/run") as answer:
        operation.get_by_role("button", name="Execute").click()
    assert answer.value.json()["status"] == "success"


def test_the_dashboard_links_to_the_page(served: Served, pages: WatchedPages) -> None:
    page = pages.open(served.dashboard)
    page.get_by_role("link", name="API", exact=True).click()
    expect(page.locator(".opblock").first).to_be_visible()


def test_a_server_without_the_page_has_no_link_to_it(tmp_path: Path, pages: WatchedPages) -> None:
    pages.expected_statuses.add(404)
    with serve_project(tmp_path, "--no-docs") as without_docs:
        page = pages.open(without_docs.dashboard)
        sections = page.get_by_role("navigation", name="Main")
        expect(sections.get_by_role("link", name="Runs", exact=True)).to_be_visible()
        expect(sections.get_by_role("link", name="API", exact=True)).to_have_count(0)
        # It may still be loading its parts when the server ends.
        page.close()

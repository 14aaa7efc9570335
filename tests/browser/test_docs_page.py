"""The page that shows the OpenAPI document, in a browser."""

import json

import pytest
from project_server import Served
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

"""The findings of axe in a page."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page


def accessibility_problems(page: Page) -> list[str]:
    """Return the rules beyond minor ones that the page breaks now, each with the elements that it concerns."""
    found = [one for one in Axe().run(page).response["violations"] if one["impact"] != "minor"]
    return [f"{one['id']} ({one['impact']}): {[node['html'][:120] for node in one['nodes'][:5]]}" for one in found]

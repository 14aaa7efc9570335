"""What axe finds in a page."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page


def accessibility_problems(page: Page) -> list[str]:
    """Return the rules that the page breaks as it is now, each with the elements that it concerns."""
    found = Axe().run(page).response["violations"]
    return [f"{one['id']} ({one['impact']}): {[node['html'][:120] for node in one['nodes'][:5]]}" for one in found]

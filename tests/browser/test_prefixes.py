"""The dashboard below a prefix: mounted in another application, and behind a proxy that takes the prefix away."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from dashboard_hosts import PREFIX
from playwright.sync_api import expect
from project_server import Served, serve_project
from served_project import write_served_project
from watched_pages import WatchedPages

from serving import Process

pytestmark = pytest.mark.slow

Start = Callable[..., Process]


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve_project(tmp_path_factory.mktemp("upstream")) as served:
        yield served


def host(start: Start, application: str, **environ: str) -> str:
    folder = str(Path(__file__).parent)
    process = start("uvicorn", "--factory", f"dashboard_hosts:{application}", "--app-dir", folder, **environ)
    return process.url + PREFIX.replace(" ", "%20")


@pytest.mark.parametrize("application", ["mounted", "stripping_proxy"])
def test_a_run_starts_and_is_followed(
    request: pytest.FixtureRequest, tmp_path: Path, start: Start, pages: WatchedPages, application: str
) -> None:
    if application == "mounted":
        project = write_served_project(tmp_path / "project")
        root, folder = host(start, application, PROJECT=str(project)), tmp_path
    else:
        served: Served = request.getfixturevalue("upstream")
        root, folder = host(start, application, UPSTREAM=served.url), served.folder
    page = pages.open(f"{root}/")
    expect(page).to_have_url(f"{root}/dashboard/")
    page.get_by_role("link", name="Start", exact=True).click()
    page.get_by_label("Pipeline", exact=True).select_option("held")
    page.get_by_label("gate").fill(application)
    expect(page.get_by_role("tabpanel")).to_contain_text(f"{root}/runs")
    page.get_by_role("button", name="Start the run").click()
    expect(page.locator('li[data-node="wait"]')).to_have_attribute("data-status", "running")
    (folder / application).touch()
    expect(page.locator(".page-head .badge")).to_have_text("success")
    page.get_by_role("link", name="Runs", exact=True).click()
    expect(page.get_by_text("Live")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="held").first).to_contain_text("success")

"""Write the pictures of README and docs: a served project, a live run, a failed one and the start form.

The project is the one of the tests, so the pictures show what any checkout does. ``make screenshots`` runs this with
the modules of the tests on the path.
"""

import tempfile
from pathlib import Path

import httpx
from chromium import chromium_path, open_chromium
from playwright.sync_api import Page, expect

from projects.spaceflights_copy import copy_spaceflights
from serving import Process

PICTURES = Path(__file__).parent.parent / "docs" / "pictures"
OFFERS = """offer_id,engine,engines,seats,crew,rating,fleet_size,stars
A-17,plasma,2,6,3,0.93,12,4.5
A-18,ion,1,4,2,,3,3.9
"""
# A forest that takes some seconds to grow, so that the picture shows a run that is going on.
SLOW = {"candidate": {"regressor": {"arguments": {"n_estimators": 3000}}}}
WRONG = {"candidate": {"regressor": {"arguments": {"max_depth": "deep"}}}}


def main() -> None:
    path = chromium_path()
    if path is None:
        raise SystemExit("Chromium is not installed: 'make browser' installs it where root and apt allow it.")
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        project = copy_spaceflights(Path(folder) / "spaceflights", ported=True)
        server = Process(["kedro_asgi", "serve", str(project)], cwd=Path(folder), environ={}).wait_until_ready()
        try:
            with open_chromium(path) as browser, httpx.Client(base_url=server.url, timeout=300) as http:
                context = browser.new_context(viewport={"width": 1280, "height": 760}, reduced_motion="reduce")
                take_pictures(context.new_page(), http, f"{server.url}/dashboard/")
        finally:
            server.close()


def take_pictures(page: Page, http: httpx.Client, dashboard: str) -> None:
    # The first run imports the libraries of the project; the second one tells how long nodes take.
    for pipeline in ("__default__", "modelling"):
        ended = wait(http, start(http, pipeline))
        assert ended["status"] == "success", ended
    show_project(page, dashboard)
    show_start_form(page, dashboard)
    show_failed_run(page, http, dashboard)
    show_live_run(page, http, dashboard)


def show_project(page: Page, dashboard: str) -> None:
    page.goto(f"{dashboard}#/project/modelling?element=node:candidate.fit_node")
    page.locator(".graph .box").first.wait_for()
    page.locator(".element-details").get_by_role("table").wait_for()
    save(page, "project")


def show_start_form(page: Page, dashboard: str) -> None:
    page.goto(f"{dashboard}#/start/predict")
    page.get_by_label("Replace another dataset").select_option("offers")
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_label("File for offers").set_input_files(
        {"name": "offers.csv", "mimeType": "text/csv", "buffer": OFFERS.encode()}
    )
    page.get_by_label("offer_id, row 2").wait_for()
    save(page, "start-form")


def show_failed_run(page: Page, http: httpx.Client, dashboard: str) -> None:
    run_id = start(http, "modelling", params=WRONG, labels={"team": "pricing"})
    wait(http, run_id)
    page.goto(f"{dashboard}#/runs/{run_id}")
    page.locator(".run-error").wait_for()
    save(page, "failed-run")


def show_live_run(page: Page, http: httpx.Client, dashboard: str) -> None:
    run_id = start(http, "modelling", params=SLOW, labels={"team": "pricing"}, runner="ThreadRunner")
    page.goto(f"{dashboard}#/runs/{run_id}")
    expect(page.locator('[data-node="candidate.fit_node"][data-status="running"]').first).to_be_visible(timeout=60_000)
    expect(page.locator('[data-node="baseline.evaluate_node"][data-status="success"]').first).to_be_visible()
    save(page, "live-run")
    http.post(f"/runs/{run_id}/cancel")


def start(http: httpx.Client, pipeline: str, **body: object) -> str:
    return str(http.post("/runs", json={"pipeline_names": [pipeline], **body}).raise_for_status().json()["run_id"])


def wait(http: httpx.Client, run_id: str) -> dict[str, object]:
    return dict(http.get(f"/runs/{run_id}", params={"wait": 300}).json())


def save(page: Page, name: str) -> None:
    page.mouse.move(0, 0)
    page.screenshot(path=PICTURES / f"{name}.png", animations="disabled", caret="hide")
    print(f"docs/pictures/{name}.png")


if __name__ == "__main__":
    main()

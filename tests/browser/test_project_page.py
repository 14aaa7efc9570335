"""The page of the project: the graph of a pipeline."""

import pytest
from accessibility import accessibility_problems
from playwright.sync_api import Locator, Page, expect
from project_server import Served
from watched_pages import WatchedPages

pytestmark = pytest.mark.slow


def open_pipeline(served: Served, pages: WatchedPages, name: str, query: str = "") -> Page:
    page = pages.open(f"{served.dashboard}#/project/{name}{query}")
    expect(page.locator(".graph .box").first).to_be_visible()
    return page


def box(page: Page, id_: str) -> Locator:
    return page.locator(f'.graph [data-id="{id_}"]')


def details(page: Page) -> Locator:
    return page.locator(".element-details")


def test_the_project_opens_with_its_default_pipeline(served: Served, pages: WatchedPages) -> None:
    page = pages.open(served.url)
    expect(box(page, "node:train")).to_be_visible()
    expect(page.get_by_role("navigation", name="Pipelines").locator("[aria-current]")).to_contain_text("__default__")
    page.get_by_role("link", name="held 2").click()
    expect(box(page, "node:wait")).to_be_visible()


def test_a_click_shows_what_is_known_of_a_node(served: Served, pages: WatchedPages) -> None:
    run_id = served.submit("quick", params={"gate": "durations"})
    served.wait(run_id)
    page = open_pipeline(served, pages, "quick")
    box(page, "node:quick").click()
    found = details(page)
    expect(found).to_contain_text("upper")
    expect(found).to_contain_text("pipeline_registry.py:")
    expect(found.get_by_role("row").nth(1)).to_contain_text("success")
    expect(found.get_by_role("row").nth(1)).to_contain_text("ms")
    found.get_by_role("button", name="result").click()
    expect(details(page)).to_contain_text("in memory")
    expect(details(page)).to_contain_text("Written by")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Close").click()
    expect(details(page)).to_have_count(0)


def test_a_dataset_shows_its_type_and_file(served: Served, pages: WatchedPages) -> None:
    page = open_pipeline(served, pages, "offers", "?element=dataset%3Acleaned")
    expect(details(page)).to_contain_text("pandas.CSVDataset")
    expect(details(page)).to_contain_text("data/cleaned.csv")


def test_a_dataset_shows_its_layer_and_a_preview_where_the_catalog_asks_for_one(
    served: Served, pages: WatchedPages
) -> None:
    page = open_pipeline(served, pages, "offers", "?element=dataset%3Aoffers")
    expect(details(page)).to_contain_text("raw")
    expect(details(page).get_by_role("cell", name="250")).to_be_visible()
    expect(details(page).get_by_role("cell", name="80")).to_have_count(0)


def test_keys_go_along_the_edges_and_select(served: Served, pages: WatchedPages) -> None:
    page = open_pipeline(served, pages, "offers")
    box(page, "node:clean").focus()
    for key in ("ArrowDown", "ArrowDown"):
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    expect(page.locator('.graph [aria-pressed="true"]')).to_have_attribute("data-id", "node:train")
    page.keyboard.press("Escape")
    expect(page.locator('.graph [aria-pressed="true"]')).to_have_count(0)


def test_search_and_filters_dim_the_rest_and_are_in_the_address(served: Served, pages: WatchedPages) -> None:
    page = open_pipeline(served, pages, "offers")
    page.get_by_label("Tag").select_option("prepare")
    expect(box(page, "node:train")).to_have_class("box node dimmed")
    expect(box(page, "dataset:cleaned")).to_have_class("box dataset")
    page.get_by_label("Tag").select_option("")
    page.get_by_label("Search").fill("SCORE")
    expect(page.locator(".graph .box:not(.dimmed)")).to_have_count(2)
    page.get_by_label("Search").press("Enter")
    expect(details(page)).to_contain_text("score")
    page.reload()
    expect(page.get_by_label("Search")).to_have_value("SCORE")
    expect(details(page)).to_contain_text("score")


def test_parameters_can_be_left_out(served: Served, pages: WatchedPages) -> None:
    page = open_pipeline(served, pages, "offers")
    expect(page.locator(".graph .parameter")).to_have_count(2)
    page.get_by_label("Parameters").uncheck()
    expect(page.locator(".graph .parameter")).to_have_count(0)


def test_namespaces_collapse_and_open_again(served: Served, pages: WatchedPages) -> None:
    page = open_pipeline(served, pages, "nested")
    page.get_by_role("button", name="Collapse all").click()
    expect(page.locator(".graph .namespace")).to_have_count(2)
    expect(page.locator(".graph .node")).to_have_count(0)
    box(page, "namespace:left").dblclick()
    expect(box(page, "node:left.raise")).to_be_visible()
    box(page, "namespace:right").click()
    details(page).get_by_role("button", name="Expand").click()
    expect(box(page, "node:right.raise")).to_be_visible()
    expect(page.locator(".graph .namespace")).to_have_count(0)


def test_a_run_colours_the_graph(served: Served, pages: WatchedPages) -> None:
    run_id = served.submit("failing")
    served.wait(run_id)
    page = open_pipeline(served, pages, "failing", f"?run={run_id}")
    expect(box(page, "node:prepare")).to_have_class("box node success")
    expect(box(page, "node:divide")).to_have_class("box node failure")
    page.get_by_role("button", name="Show no run").click()
    expect(box(page, "node:divide")).to_have_class("box node")


def test_the_view_zooms_and_pans(served: Served, pages: WatchedPages) -> None:
    page = open_pipeline(served, pages, "offers")
    stage = page.locator(".graph svg > g")
    fitted = stage.get_attribute("transform")
    page.get_by_role("button", name="Zoom in").click()
    expect(stage).not_to_have_attribute("transform", fitted or "")
    page.get_by_role("button", name="Fit").click()
    expect(stage).to_have_attribute("transform", fitted or "")
    page.mouse.move(300, 700)
    page.mouse.down()
    page.mouse.move(400, 650, steps=4)
    page.mouse.up()
    expect(stage).not_to_have_attribute("transform", fitted or "")
    expect(details(page)).to_have_count(0)


def test_names_of_users_stay_text(served: Served, pages: WatchedPages) -> None:
    page = open_pipeline(served, pages, "hostile")
    page.locator(".graph .dataset").click()
    expect(details(page)).to_contain_text("<img")
    assert page.locator("img[src=x]").count() == 0
    expect(page.locator(".graph foreignObject")).to_have_count(0)


def test_three_hundred_nodes_move_smoothly(served: Served, pages: WatchedPages) -> None:
    page = open_pipeline(served, pages, "many")
    expect(page.locator(".graph .node")).to_have_count(300)
    box(page, "node:node_7").focus()
    # A step of the wheel changes one attribute of one element, however many nodes there are.
    changes = page.evaluate(
        """async () => {
          const svg = document.querySelector(".graph svg");
          const changed = [];
          const observer = new MutationObserver((records) => changed.push(...records));
          observer.observe(svg, { subtree: true, childList: true, attributes: true, characterData: true });
          for (let n = 0; n < 20; n += 1) {
            const place = { clientX: 500, clientY: 600, bubbles: true };
            svg.dispatchEvent(new WheelEvent("wheel", { deltaY: n % 2 ? 60 : -60, ...place }));
            await new Promise(requestAnimationFrame);
          }
          observer.disconnect();
          return changed.map(({ target, attributeName }) => `${target.parentNode === svg} ${attributeName}`);
        }"""
    )
    assert set(changes) <= {"true transform", "true class"}
    assert changes.count("true transform") == 20
    page.get_by_label("Search").fill("node_123")
    expect(page.locator(".graph .node:not(.dimmed)")).to_have_count(1)


@pytest.mark.parametrize("options", [{}, {"color_scheme": "dark"}, {"viewport": {"width": 390, "height": 800}}])
def test_the_page_is_accessible_and_fits_its_width(served: Served, watch, options) -> None:
    page = open_pipeline(served, watch(**options), "offers", "?element=node%3Atrain")
    expect(details(page)).to_be_visible()
    assert accessibility_problems(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_pictures_show_what_the_page_shows(served: Served, pages: WatchedPages) -> None:
    page = open_pipeline(served, pages, "nested", "?collapse=left")
    picture = page.get_by_role("link", name="SVG").get_attribute("href") or ""
    drawn = pages.open(picture)
    expect(drawn.locator('[data-id="namespace:left"]')).to_be_visible()
    drawn.locator('[data-id="namespace:left"]').click()
    expect(drawn.locator(".element-details, .graph").first).to_be_visible()

"""The start page: fields by type, inputs in a table, problems before and after sending, and recorded runs."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from accessibility import accessibility_problems
from playwright.sync_api import Locator, Page, Route, expect
from project_server import Served
from watched_pages import WatchedPages

pytestmark = pytest.mark.slow


@pytest.fixture
def page(served: Served, pages: WatchedPages) -> Page:
    page = pages.open(f"{served.dashboard}#/start/offers")
    page.get_by_role("heading", name="Parameters").wait_for()
    return page


def started(page: Page, served: Served) -> dict[str, Any]:
    """Send the form, and return the record of its run."""
    page.get_by_role("button", name="Start the run").click()
    page.wait_for_url("**/#/runs/*")
    return served.wait(page.url.rpartition("/")[2])


def paste(field: Locator, text: str) -> None:
    """Paste as a user does; a browser gives a page's script no access to the real clipboard."""
    field.focus()
    field.evaluate(
        """(element, text) => {
            const clipboardData = new DataTransfer();
            clipboardData.setData("text/plain", text);
            element.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
        }""",
        text,
    )


def add_input(page: Page, name: str) -> None:
    page.get_by_label("Replace another dataset").select_option(name)
    page.get_by_role("button", name="Add", exact=True).click()


def test_only_changes_are_sent_with_their_types(page: Page, served: Served) -> None:
    page.get_by_label("depth", exact=True).fill("3")
    page.get_by_label("learning_rate").fill("0.1")
    page.get_by_label("loss").select_option("absolute")
    page.get_by_label("shuffle").uncheck()
    page.get_by_label("name", exact=True).fill("007")
    page.get_by_label("name", exact=True).fill("baseline")
    record = started(page, served)
    assert record["request"]["params"] == {"training": {"depth": 3, "loss": "absolute", "shuffle": False}}
    assert record["status"] == "success", record


def test_a_reset_field_shows_what_the_project_has(page: Page) -> None:
    page.get_by_label("depth", exact=True).fill("3")
    page.get_by_role("button", name="Reset depth").click()
    expect(page.get_by_label("depth", exact=True)).to_have_value("6")
    expect(page.get_by_role("button", name="Reset depth")).to_have_count(0)


@pytest.mark.parametrize(
    ("label", "text", "problem"),
    [
        ("depth", "13", "must be at most 12"),
        ("depth", "2.5", "must be a whole number"),
        ("depth", "three", "must be a whole number"),
        ("learning_rate", "0", "must be greater than 0"),
        ("learning_rate", "9" * 400, "is too large"),
        ("Time limit in seconds", "-1", "must be a number of seconds greater than 0"),
        ("Runner", "no runner", "must match"),
    ],
)
def test_a_wrong_field_is_marked_before_sending(
    page: Page, served: Served, label: str, text: str, problem: str
) -> None:
    page.get_by_text("Options", exact=True).click()
    field = page.get_by_label(label, exact=True)
    field.fill(text)
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_accessible_description(re.compile(re.escape(problem)))
    page.get_by_text("Options", exact=True).click()
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.method))
    page.get_by_role("button", name="Start the run").click()
    expect(field).to_be_focused()
    expect(page.get_by_role("alert")).to_contain_text("One field needs a correction")
    assert "POST" not in requests


def test_what_only_the_server_knows_is_marked_after_sending(page: Page, served: Served, pages: WatchedPages) -> None:
    pages.expected_statuses.add(422)
    field = page.get_by_label("depth", exact=True)
    field.fill("11")
    page.get_by_role("button", name="Start the run").click()
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_be_focused()
    expect(field).to_have_accessible_description(re.compile("must not be 11"))
    field.fill("10")
    expect(field).not_to_have_attribute("aria-invalid", "true")
    assert started(page, served)["status"] == "success"


def test_a_pasted_table_becomes_an_input(page: Page, served: Served) -> None:
    add_input(page, "offers")
    paste(page.get_by_label("offers as JSON"), 'crew,price\n4,"100"\n7,\n')
    expect(page.get_by_label("crew, row 2")).to_have_value("7")
    page.get_by_label("price, row 2").fill("250.5")
    page.get_by_label("price, row 2").press("Enter")
    expect(page.get_by_label("price, row 3")).to_be_focused()
    page.get_by_label("price, row 3").press("ArrowUp")
    expect(page.get_by_label("price, row 2")).to_be_focused()
    page.get_by_role("button", name="JSON").click()
    shown = json.loads(page.get_by_label("offers as JSON").input_value())
    assert shown == [{"crew": 4, "price": 100}, {"crew": 7, "price": 250.5}]
    record = started(page, served)
    scores = served.http.get(f"/runs/{record['run_id']}/outputs/scores").json()
    assert [row["score"] for row in scores] == [600, 1503]


def test_a_block_of_cells_is_pasted_where_the_focus_is(page: Page) -> None:
    add_input(page, "offers")
    paste(page.get_by_label("offers as JSON"), '[{"a": 1, "b": "x"}, {"a": 2, "b": "007"}]')
    paste(page.get_by_label("b, row 2"), "y\tleft out\n1e3\n")
    page.get_by_role("button", name="JSON").click()
    shown = json.loads(page.get_by_label("offers as JSON").input_value())
    assert shown == [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}, {"a": None, "b": 1000}]


def test_a_table_keeps_texts_that_look_like_values(page: Page) -> None:
    add_input(page, "offers")
    value = [{"a": "007", "b": "1", "c": "true", "d": None, "e": {"f": [1]}, "g": '"', "h": "", "i": "[x"}]
    page.get_by_label("offers as JSON").fill(json.dumps(value))
    page.get_by_role("button", name="Table").click()
    page.get_by_role("button", name="JSON").click()
    assert json.loads(page.get_by_label("offers as JSON").input_value()) == value


def test_a_file_becomes_an_input(page: Page, served: Served) -> None:
    add_input(page, "offers")
    content = b"crew;price\r\n1;2\r\n"
    page.get_by_label("File for offers").set_input_files({"name": "a.csv", "mimeType": "text/csv", "buffer": content})
    expect(page.get_by_label("price, row 1")).to_have_value("2")


def test_a_slice_asks_for_the_inputs_that_it_needs(page: Page, served: Served) -> None:
    # The slice begins with a dataset that a whole run saves.
    served.wait(served.submit("offers"))
    page.get_by_text("Nodes and outputs").click()
    page.get_by_label("From nodes").fill("score")
    page.get_by_label("From nodes").press("Enter")
    expect(page.get_by_role("region", name="Input model")).to_be_visible()
    expect(page.get_by_label("depth", exact=True)).to_have_count(0)
    page.get_by_role("button", name="Start the run").click()
    expect(page.get_by_label("model as JSON")).to_be_focused()
    page.get_by_label("model as JSON").fill('{"depth": 2}')
    record = started(page, served)
    assert record["request"]["from_nodes"] == ["score"]
    assert record["status"] == "success", record


def test_options_are_sent(page: Page, served: Served) -> None:
    page.get_by_text("Options", exact=True).click()
    page.get_by_label("Runner").fill("ThreadRunner")
    page.get_by_label("Time limit in seconds").fill("30")
    page.get_by_role("button", name="Add a label").click()
    page.get_by_label("Labels, Name 1").fill("team")
    page.get_by_label("Labels, Value 1").fill("ml = 1")
    page.get_by_label("If the server dies").select_option("rerun")
    record = started(page, served)
    assert (record["labels"], record["timeout_seconds"]) == ({"team": "ml = 1"}, 30)
    assert record["request"]["runner"] == "ThreadRunner"


def test_a_recorded_run_fills_the_form(served: Served, pages: WatchedPages) -> None:
    body = {
        "params": {"training": {"depth": 9}, "name": "small", "api_key": "abc"},
        "inputs": {"offers": [{"crew": 1, "price": 2}]},
        "labels": {"team": "ml"},
        "tags": ["prepare", "fit"],
        "timeout_seconds": 20,
        "retries": {"node": {"retries": 1}},
    }
    run_id = served.submit("offers", **body)
    page = pages.open(f"{served.dashboard}#/start?from={run_id}")
    expect(page.get_by_label("Pipeline", exact=True)).to_have_value("offers")
    expect(page.get_by_label("depth", exact=True)).to_have_value("9")
    expect(page.get_by_text("give offers again")).to_be_visible()
    expect(page.get_by_text("The record hides")).to_contain_text("api_key")
    record = started(page, served)
    assert record["request"]["params"] == {"training": {"depth": 9}, "name": "small"}
    assert (record["labels"], record["timeout_seconds"]) == ({"team": "ml"}, 20)
    assert sorted(record["request"]["tags"]) == ["fit", "prepare"]
    assert record["request"]["retries"] == {"node": {"retries": 1}}


def test_the_form_works_by_keyboard_alone(page: Page, served: Served) -> None:
    page.get_by_label("Pipeline", exact=True).focus()
    page.keyboard.press("Tab")
    for _ in range(40):
        if page.evaluate("document.activeElement.textContent") == "Start the run":
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/#/runs/*")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(served: Served, watch: Callable[..., WatchedPages], scheme: str) -> None:
    pages = watch(color_scheme=scheme)
    pages.expected_statuses.add(422)
    page = pages.open(f"{served.dashboard}#/start/offers")
    page.get_by_text("Nodes and outputs").click()
    page.get_by_text("Options", exact=True).click()
    page.get_by_role("button", name="Add a label").click()
    add_input(page, "offers")
    paste(page.get_by_label("offers as JSON"), "a,b\n1,2\n")
    page.get_by_label("Tags").fill("unknown")
    page.get_by_label("Tags").press("Enter")
    page.get_by_label("depth", exact=True).fill("99")
    page.get_by_role("button", name="Start the run").click()
    page.get_by_role("alert").wait_for()
    assert accessibility_problems(page) == []


def test_fields_of_other_kinds_say_what_they_hold(served: Served, pages: WatchedPages) -> None:
    page = pages.open(f"{served.dashboard}#/start")
    page.get_by_label("Pipeline", exact=True).select_option("odd/name <b>")
    expect(page.get_by_label("api_key")).to_have_value("")
    expect(page.get_by_text("The project's value is not shown.")).to_be_visible()
    expect(page.get_by_text("Lower <b>letters</b>")).to_be_visible()
    page.get_by_label("flag").select_option("false")
    page.get_by_label("either").fill("a text")
    page.get_by_label("limit", exact=True).fill("")
    page.get_by_label("weights", exact=True).fill('{"a": -1}')
    page.get_by_label("count as JSON").fill("4")
    page.get_by_label("title as JSON").fill("007")
    page.get_by_role("button", name="Start the run").click()
    expect(page.get_by_label("weights", exact=True)).to_be_focused()
    page.get_by_label("weights", exact=True).fill('{"a": 2}')
    record = started(page, served)
    told = served.http.get(f"/runs/{record['run_id']}/outputs/told").json()
    odd = {"flag": False, "either": "a text", "limit": None, "weights": {"a": 2.0}, "note": "x"}
    assert told == {**odd, "count": 4, "has key": True, "title": "007"}


def test_a_table_of_many_rows_can_be_edited(page: Page, served: Served) -> None:
    add_input(page, "offers")
    content = "crew,price\n" + "\n".join(f"{number},1" for number in range(5000))
    file = {"name": "a.csv", "mimeType": "text/csv", "buffer": content.encode()}
    page.get_by_label("File for offers").set_input_files(file)
    page.get_by_label("price, row 1", exact=True).fill("2")
    page.get_by_role("button", name="Show more of the 5000 rows").click()
    expect(page.get_by_label("price, row 200", exact=True)).to_have_value("1")
    record = started(page, served)
    scores = served.http.get(f"/runs/{record['run_id']}/outputs/scores").json()
    assert (len(scores), scores[0]["score"], scores[-1]["score"]) == (5000, 12, 6)


def test_pressing_again_after_a_lost_answer_starts_no_second_run(
    page: Page, served: Served, pages: WatchedPages
) -> None:
    pages.expected_texts.append("net::ERR_FAILED")
    lost: list[str] = []

    def lose_first_answer(route: Route) -> None:
        if lost:
            route.continue_()
        else:
            lost.append(route.fetch().json()["run_id"])
            route.abort()

    page.route("**/pipelines/offers/run", lose_first_answer)
    page.get_by_label("name", exact=True).fill("once")
    page.get_by_role("button", name="Start the run").click()
    expect(page.get_by_role("alert")).to_contain_text("The server does not answer")
    assert started(page, served)["run_id"] == lost[0]

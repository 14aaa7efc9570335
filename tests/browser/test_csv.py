"""The start page reads the tables that Python's ``csv`` writes."""

import csv
import io
import random

import pytest
from playwright.sync_api import Browser, Page
from project_server import Served
from watched_pages import WatchedPages

pytestmark = pytest.mark.slow

CELLS = [
    "",
    "a",
    "1",
    "-2.5e3",
    "x,y",
    'say "no"',
    '"',
    "two\nlines",
    "three\r\nlines",
    " padded ",
    "é 🐧",
    "a;b",
    "\\",
    "'",
]


@pytest.fixture(scope="module")
def page(browser: Browser, served: Served) -> Page:
    return WatchedPages(browser.new_context()).open(f"{served.dashboard}icon.svg")


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("separator", [",", ";", "\t"], ids=["comma", "semicolon", "tab"])
def test_a_written_table_is_read_back(page: Page, separator: str, end: str) -> None:
    choose = random.Random(f"{separator}{end}")
    tables = [
        [
            ["first", "second", "third"],
            *([choose.choice(CELLS) for _ in range(3)] for _ in range(choose.randrange(1, 6))),
        ]
        for _ in range(60)
    ]
    texts = [written(table, separator, end) for table in tables]
    texts += [text.removesuffix(end) for text in texts]
    read = page.evaluate(
        "(texts) => import('./start/csv.js').then(({ parseCsv }) => texts.map((text) => parseCsv(text)))", texts
    )
    assert read == [*tables, *tables]


def written(table: list[list[str]], separator: str, end: str) -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=separator, lineterminator=end).writerows(table)
    return text.getvalue()

"""Dataset factory patterns resolve as in Kedro. One process of Kedro answers all cases."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from both_engines.drawing import draw
from hypothesis import strategies as st

from kedro_asgi.errors import error_type
from kedro_asgi.io import DataCatalog

ORACLE = """
import json, logging, sys
from kedro.io import DataCatalog

logging.disable(logging.CRITICAL)

def resolved(catalog, name):
    try:
        return catalog[name].load() if name in catalog else None
    except Exception as error:
        return type(error).__name__

def answer(case):
    try:
        catalog = DataCatalog.from_config(case["catalog"])
    except Exception as error:
        return type(error).__name__
    patterns = catalog.config_resolver.list_patterns()
    return {"patterns": patterns, "names": {name: resolved(catalog, name) for name in case["names"]}}

json.dump([answer(case) for case in json.load(sys.stdin)], sys.stdout)
"""

# No capital letters: ours is case-sensitive, Kedro is not. No 0b, 0x or --1, which ``parse`` takes for numbers.
LETTERS = "pq12._@é"
PLACEHOLDERS = ["{a}", "{b}", "{name}", "{n:d}"]
LITERALS = ["_", ".", "p", "_raw", "q.", "@", "(", "+"]
part = st.sampled_from([*PLACEHOLDERS, *PLACEHOLDERS, *LITERALS])
pattern = st.lists(part, min_size=1, max_size=5).map("".join).filter(lambda text: "{" in text)
text = st.text(LETTERS, min_size=1, max_size=4)


@st.composite
def cases(draw: st.DrawFn) -> dict[str, Any]:
    patterns = draw(st.lists(pattern, min_size=1, max_size=5, unique=True))
    catalog = {
        key: {"type": "MemoryDataset", "data": [key[1:].replace("{", "").replace("}", ""), draw(body(key))]}
        for key in patterns
    }
    explicit = draw(st.lists(text, max_size=2))
    entries = {name: {"type": "MemoryDataset", "data": "explicit"} for name in explicit}
    names = [draw(name_like(key)) for key in patterns] + draw(st.lists(text, max_size=3)) + explicit
    return {"catalog": entries | catalog, "names": names}


@st.composite
def body(draw: st.DrawFn, key: str) -> Any:
    known = [token for token in PLACEHOLDERS if token in key]
    tokens = st.sampled_from([*known * 8, "-", "}}", *draw(st.sampled_from([[]] * 9 + [["}", "{b}"]]))])
    filled = st.lists(tokens, max_size=3).map("".join)
    return draw(st.one_of(filled, st.lists(filled, max_size=2), st.dictionaries(st.just("{a}"), filled)))


@st.composite
def name_like(draw: st.DrawFn, key: str) -> str:
    for token in PLACEHOLDERS:
        value = draw(st.integers(-99, 99).map(str) if token == "{n:d}" else text)
        key = key.replace(token, value)
    return key


def kedros_answers(asked: list[dict[str, Any]]) -> list[Any]:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ORACLE],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "DO_NOT_TRACK": "1"},
    )
    answers: list[Any] = json.loads(done.stdout)
    return answers


def answer(case: dict[str, Any]) -> Any:
    try:
        catalog = DataCatalog.from_config(case["catalog"])
    except Exception as error:
        return error_type(error)
    patterns = catalog.config_resolver.list_patterns()
    return {"patterns": patterns, "names": {name: resolved(catalog, name) for name in case["names"]}}


def resolved(catalog: DataCatalog, name: str) -> Any:
    try:
        return catalog[name].load() if name in catalog else None
    except Exception as error:
        return error_type(error)


def compare(count: int) -> None:
    asked = draw(cases(), count)
    different = [
        (case, ours, kedros)
        for case, kedros in zip(asked, kedros_answers(asked), strict=True)
        if (ours := answer(case)) != kedros
    ]
    assert not different, min(different, key=lambda found: len(str(found[0])))


@pytest.mark.slow
def test_patterns_resolve_as_they_do_in_kedro() -> None:
    compare(250)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_many_patterns_resolve_as_they_do_in_kedro() -> None:
    compare(4000)

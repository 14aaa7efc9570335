import pytest

from kedro_asgi.errors import DatasetPatternError
from kedro_asgi.io.entry import PlainEntry
from kedro_asgi.placeholders import fill_placeholders
from kedro_asgi.runs import RuntimeParams

RUNTIME = RuntimeParams()


def test_each_resolution_returns_a_new_tree() -> None:
    entry = PlainEntry("a", {"x": [{"y": 1}]})
    first = entry.resolve(RUNTIME)
    first["x"][0]["y"] = 2
    assert entry.resolve(RUNTIME) == {"x": [{"y": 1}]}


def test_texts_are_values_at_any_depth_but_not_keys() -> None:
    entry = PlainEntry("a", {"k": "1", "l": ["2", ("3", 4, {"m": "5"})], "n": None})
    assert list(entry.texts()) == ["1", "2", "3", "5"]


def test_placeholders_are_replaced_in_values_at_any_depth_but_not_in_keys() -> None:
    entry = PlainEntry("{a}_x", {1: ("{a}", ["{a}.csv"]), "{a}": {"b": "{a}"}, "c": None})
    assert entry.substitute({"a": "q"}).resolve(RUNTIME) == {1: ("q", ["q.csv"]), "{a}": {"b": "q"}, "c": None}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{a}/{b:d}", "q/7"),
        ("{a}}}", "q}"),
        ("}}", "}"),
        ("{{{a}}}", "{q}"),
        ("no }} {a}", "no } q"),
        ("{a", "{a"),
    ],
)
def test_placeholders_in_a_text_are_replaced(text: str, expected: str) -> None:
    assert fill_placeholders(text, {"a": "q", "b:d": "7"}) == expected


@pytest.mark.parametrize(("text", "brace"), [("{a}}", "}"), ("{a}{", "{"), ("x}", "}")])
def test_a_stray_brace_is_a_value_error(text: str, brace: str) -> None:
    with pytest.raises(ValueError, match=f"Single '{brace}' encountered in format string"):
        fill_placeholders(text, {"a": "q"})


def test_an_unknown_placeholder_is_an_error() -> None:
    with pytest.raises(DatasetPatternError, match=r"Placeholder '\{z\}' is unknown"):
        fill_placeholders("{z}", {"a": "q"})


def test_a_replacement_is_not_replaced_again() -> None:
    assert fill_placeholders("{a}", {"a": "{b}", "b": "no"}) == "{b}"

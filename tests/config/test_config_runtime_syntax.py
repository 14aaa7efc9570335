from typing import Any

import pytest

from kedro_asgi.config import parse_params
from kedro_asgi.errors import error_type


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("version=02,model.lr=0.01", {"version": 2, "model": {"lr": 0.01}}),
        ("a=1e3,b=true,c=null,d=,e='5'", {"a": 1000.0, "b": True, "c": None, "d": None, "e": "5"}),
        ("a=[1;2]", {"a": ["1;2"]}),
        ("a={k: 1}", {"a": {"k": 1}}),
        ("a=b=c", {"a": "b=c"}),
        (" a = 1 ,, b=2 ,", {"a": 1, "b": 2}),
        ("a=1,a.b=2", {"a": {"b": 2}}),
        ("a.b=1,a.c=2,a=3", {"a": 3}),
        ("a=2020-01-01", {"a": "2020-01-01"}),
        ("a=${b}", {"a": "${b}"}),
        ("a=hello world", {"a": "hello world"}),
        ("", {}),
        (" , ", {}),
    ],
)
def test_parameters_are_written_as_pairs(text: str, expected: dict[str, Any]) -> None:
    assert parse_params(text) == expected


@pytest.mark.parametrize(
    ("text", "item"), [("abc", "abc"), ("a=1,2", "2"), ("=1", "=1"), (" =1", "=1"), ("a..b=1", "a..b=1")]
)
def test_an_item_that_is_no_pair_is_refused(text: str, item: str) -> None:
    message = f"Invalid 'params' value: '{item}'. Expected comma-separated key=value pairs"
    with pytest.raises(ValueError, match=message) as caught:
        parse_params(text)
    assert error_type(caught.value) == "ValueError"


@pytest.mark.parametrize("text", ["a=[1", "a=:", "a={b: c", "a=!!python/name:os.system x", "a={null: 1}"])
def test_a_value_that_is_no_yaml_is_refused_in_the_same_way(text: str) -> None:
    with pytest.raises(ValueError, match=r"Invalid 'params' value: .*is not a YAML value"):
        parse_params(text)


@pytest.mark.parametrize("text", ["[" * 50_000, "{a: " * 50_000, "9" * 5_000, "- &a x\n- *a", "x: &a {}\ny: *a"])
def test_a_hostile_value_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="Invalid 'params' value"):
        parse_params(f"a={text}")

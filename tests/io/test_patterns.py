import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kedro_asgi.errors import DatasetPatternError
from kedro_asgi.io.patterns import Pattern, Patterns, TypedPattern


def placeholders(pattern: str, name: str) -> dict[str, str] | None:
    match = Pattern(pattern).match(name)
    return None if match is None else dict(match.placeholders)


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("{ns}.{name}", "a.b.c", {"ns": "a", "name": "b.c"}),
        ("{a}_{b}", "p_q_r", {"a": "p", "b": "q_r"}),
        ("{name}_raw", "x__raw", {"name": "x_"}),
        ("{name}_raw", "_raw", None),
        ("{name}_raw", "x_raw_", None),
        ("{name}_raw", "x_raw\n", None),
        ("{a}_{a}", "x_x", {"a": "x"}),
        ("{a}_{a}", "x_y", None),
        ("{a}.+(x)", "q.+(x)", {"a": "q"}),
        ("{a}.x", "qyx", None),
        ("{a}_x", "two\nlines_x", {"a": "two\nlines"}),
        ("{a-b}_x", "q_x", {"a-b": "q"}),
        ("{}_x", "q_x", {}),
        ("{{a}}_{b}", "{a}_q", {"b": "q"}),
    ],
)
def test_placeholders_match_one_or_more_characters_and_as_few_as_possible(
    pattern: str, name: str, expected: dict[str, str] | None
) -> None:
    assert placeholders(pattern, name) == expected


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("{a:d}_x", "012_x", {"a:d": "12"}),
        ("{a:d}_x", "-12_x", {"a:d": "-12"}),
        ("{a:d}_x", "b_x", None),
        ("{a:w}_x", "b.c_x", None),
        ("{a:l}_x", "bc_x", {"a:l": "bc"}),
        ("{a:x}_x", "ff_x", {"a:x": "ff"}),
    ],
)
def test_a_typed_placeholder_matches_only_its_type(pattern: str, name: str, expected: dict[str, str] | None) -> None:
    assert placeholders(pattern, name) == expected


def test_an_unknown_type_of_placeholder_is_refused() -> None:
    with pytest.raises(DatasetPatternError, match="has a format that is not supported"):
        Pattern("{a:zz}_x")


def test_matching_is_case_sensitive_and_near_misses_are_found() -> None:
    patterns = Patterns(["{a}_X"])
    assert patterns.match("q_x") is None
    assert patterns.near_miss("q_x") == "{a}_X"
    assert patterns.near_miss("q_y") is None


def test_the_most_specific_pattern_is_first_then_the_one_with_more_placeholders_then_the_alphabet() -> None:
    texts = ["{name}", "{ns}.int_{name}", "{ns}.{name}", "{name}_raw", "{a}_{b}_raw", "x_{name}_raw"]
    expected = ["x_{name}_raw", "{a}_{b}_raw", "{ns}.int_{name}", "{name}_raw", "{ns}.{name}", "{name}"]
    assert [pattern.text for pattern in Patterns(texts)] == expected
    assert [pattern.text for pattern in Patterns(["{b}_", "{a}_"])] == ["{a}_", "{b}_"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.int_b", "{ns}.int_{name}"),
        ("x_q_raw", "x_{name}_raw"),
        ("p_q_raw", "{a}_{b}_raw"),
        ("x__raw", "{name}_raw"),
        ("foo", None),
    ],
)
def test_the_best_pattern_wins(name: str, expected: str | None) -> None:
    texts = ["{name}", "{ns}.int_{name}", "{ns}.{name}", "{name}_raw", "{a}_{b}_raw", "x_{name}_raw"]
    match = Patterns(texts).match(name)
    assert (match and match.pattern) == expected


def test_only_one_catch_all_is_allowed() -> None:
    message = r"Multiple catch-all patterns found in the catalog: \{a\}\{b\}, \{c\}\."
    with pytest.raises(DatasetPatternError, match=message):
        Patterns(["{c}", "{a}{b}", "{d}_x"])


def test_a_body_uses_the_placeholders_of_its_pattern() -> None:
    Pattern("{a}_{b:d}").check(["{a}{b:d}", "none", "{"])
    message = (
        r"Incorrect dataset configuration provided. Keys used in the configuration \{'\{b\}', '\{c\}'\} "
        r"should present in the dataset pattern name \{a\}_x\."
    )
    with pytest.raises(DatasetPatternError, match=message):
        Pattern("{a}_x").check(["{c}{a}", "{b}"])


@pytest.mark.parametrize(
    ("pattern", "name"),
    [("{a}.{b}.{c}@x", "." * 100_000), ("{a}_{b}_{c}_{d}", "_" * 100_000 + "x"), ("{a:w}{b:w}{c:w}@", "w" * 100_000)],
)
def test_matching_takes_time_linear_in_the_name(pattern: str, name: str) -> None:
    """Names come from requests, and a regular expression would try every way to split them."""
    found = Pattern(pattern)
    started = time.thread_time()
    found.match(name)
    found.matches_ignoring_case(name)
    assert time.thread_time() - started < 1


@given(st.text("ab_.", max_size=8), st.lists(st.sampled_from(["{a}", "{b}", "{c}", "_", ".", "a"]), max_size=6))
@settings(derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_plain_patterns_match_like_regular_expressions(name: str, parts: list[str]) -> None:
    text = "".join(dict.fromkeys(parts))
    if "{" in text:
        found = Pattern(text).match(name)
        assert (dict(found.placeholders) if found else None) == TypedPattern(text).match(name)

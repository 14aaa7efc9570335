import datetime
import itertools
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from config_fixtures import MakeConfig

from kedro_asgi.config import Config
from kedro_asgi.errors import InterpolationKeyError, InterpolationResolutionError
from kedro_asgi.runs import RuntimeParams


def supplied(values: Mapping[str, Any], *, literal: bool = True) -> RuntimeParams:
    return RuntimeParams(values=values, literal=literal)


NOTHING = RuntimeParams()


@pytest.mark.parametrize(
    ("text", "runtime", "expected"),
    [
        ("a: 1", {"a": 2}, {"a": 2}),
        ("a: 1", {"b": {"c": 2}}, {"a": 1, "b": {"c": 2}}),
        ("a: {x: 1, y: 2}", {"a": {"y": 3, "z": [4]}}, {"a": {"x": 1, "y": 3, "z": [4]}}),
        ("a: [1, 2]", {"a": [3]}, {"a": [3]}),
        ("a: 1", {"a": None}, {"a": None}),
        ("a: {x: 1}", {"a": 5}, {"a": 5}),
        ("a: 5", {"a": {"x": 1}}, {"a": {"x": 1}}),
        ("a: {b: 1}", {"a.b": 5}, {"a": {"b": 1}, "a.b": 5}),
        ("a: {b: 1}", {"a": {}}, {"a": {"b": 1}}),
        ("a: 1\nb: ${a}\nc: {d: 'v${b}'}", {"a": 5}, {"a": 5, "b": 5, "c": {"d": "v5"}}),
        ("a: {x: 1}\nb: ${a}", {"a": {"y": 2}}, {"a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 2}}),
        ("b: ${m}\nm: {x: 1}", {"b": {"y": 2}}, {"b": {"x": 1, "y": 2}, "m": {"x": 1}}),
        ("b: {x: '${.y}'}\nc: ${b}", {"b": {"y": 2}}, {"b": {"x": 2, "y": 2}, "c": {"x": 2, "y": 2}}),
        ("b: ${nope}", {"nope": 7}, {"b": 7, "nope": 7}),
        ("b: ${nope}", {"b": 7}, {"b": 7}),
        ("b: ${runtime_params:nope}", {"b": {"y": 7}}, {"b": {"y": 7}}),
        ("b: ${runtime_params:a.x, 1}", {"a": {"x": 2}}, {"b": 2, "a": {"x": 2}}),
        ("d: ${l.0}", {"l": ("x", 1)}, {"d": "x", "l": ["x", 1]}),
    ],
)
def test_runtime_values_are_merged_over_parameters(
    make_config: MakeConfig, text: str, runtime: dict[str, Any], expected: dict[str, Any]
) -> None:
    config = make_config({"parameters": text})
    for literal in (True, False):
        assert config.parameters(supplied(runtime, literal=literal)) == expected
        assert config.resolve("parameters", supplied(runtime, literal=literal)) == expected


def test_environments_are_merged_before_runtime_values(make_config: MakeConfig) -> None:
    config = make_config({"base/parameters.yml": "b: {c: 2, d: 3}", "local/parameters.yml": "q: 1"})
    assert config.parameters(supplied({"b": {"z": 7}})) == {"b": {"c": 2, "d": 3, "z": 7}, "q": 1}


def test_every_environment_sees_runtime_values(make_config: MakeConfig) -> None:
    files = {"base/parameters.yml": "a: 1\nb: ${a}", "local/parameters.yml": "a: 2\nc: ${a}\nd: '${oc.select:e,0}'"}
    config = make_config(files)
    assert config.parameters(NOTHING) == {"a": 2, "b": 1, "c": 2, "d": 0}
    assert config.parameters(supplied({"a": 9, "e": 8})) == {"a": 9, "b": 9, "c": 9, "d": 8, "e": 8}


def test_a_string_that_another_environment_replaces_must_have_a_value(make_config: MakeConfig) -> None:
    config = make_config({"base/parameters.yml": "a: ${nope}", "local/parameters.yml": "a: 1"})
    for runtime in (NOTHING, supplied({"b": 1})):
        with pytest.raises(InterpolationKeyError):
            config.parameters(runtime)
    assert config.parameters(supplied({"nope": 1})) == {"a": 1, "nope": 1}


def test_runtime_params_change_no_other_kind(make_config: MakeConfig) -> None:
    config = make_config({"parameters": "a: 1", "catalog": "a: {type: t}"})
    assert config.resolve("catalog", supplied({"a": {"k": 2}, "b": 3})) == {"a": {"type": "t"}}


def test_a_string_of_the_caller_stays_literal_everywhere(make_config: MakeConfig) -> None:
    config = make_config(
        {
            "globals": "secret: s",
            "parameters": "a: 1\nb: ${a}\nc: 'v ${a}'\nd: ${m.k}\ne: ${runtime_params:a}\nm: {k: 1}\nf: ${oc.select:a}",
        }
    )
    text = "${globals:secret} \\${b} {x}"
    found = config.parameters(supplied({"a": text, "m": {"k": [text]}}))
    assert found["a"] == found["b"] == found["e"] == found["f"] == text
    assert (found["c"], found["d"], found["m"]) == (f"v {text}", [text], {"k": [text]})


@pytest.mark.parametrize("resolver", ["oc.decode", "oc.create"])
def test_a_string_of_the_caller_can_be_decoded_but_not_interpolated(make_config: MakeConfig, resolver: str) -> None:
    config = make_config({"globals": "secret: s", "parameters": f"a: ${{{resolver}:${{runtime_params:t}}}}"})
    assert config.parameters(supplied({"t": "[1, x]"}))["a"] == [1, "x"]
    attack = supplied({"t": "['${globals:secret}']"})
    if resolver == "oc.create":
        assert config.parameters(attack)["a"] == ["${globals:secret}"]
    else:
        with pytest.raises(InterpolationResolutionError, match="values that a caller supplied are not interpolated"):
            config.parameters(attack)


@pytest.mark.parametrize(
    ("runtime", "expected"),
    [
        ({"a": "${b}"}, {"a": 2, "b": 2, "c": 2, "g": {"z": 0}}),
        ({"g": {"k": "${.z}", "q": ["${b}"]}}, {"a": 1, "b": 2, "c": 1, "g": {"z": 0, "k": 0, "q": [2]}}),
        ({"n": "${globals:secret}"}, {"a": 1, "b": 2, "c": 1, "g": {"z": 0}, "n": "s"}),
        ({"b": "${x}", "x": "${y}", "y": 4}, {"a": 1, "b": 4, "c": 1, "g": {"z": 0}, "x": 4, "y": 4}),
    ],
)
def test_strings_of_the_caller_are_interpolated_on_request(
    make_config: MakeConfig, runtime: dict[str, Any], expected: dict[str, Any]
) -> None:
    config = make_config({"globals": "secret: s", "parameters": "a: 1\nb: 2\nc: ${a}\ng: {z: 0}"})
    assert config.parameters(supplied(runtime, literal=False)) == expected


def test_a_cycle_in_strings_of_the_caller_is_refused(make_config: MakeConfig) -> None:
    with pytest.raises(InterpolationResolutionError, match="Recursive interpolation detected"):
        make_config({"parameters": "a: 1"}).parameters(supplied({"a": "${a}"}, literal=False))


def test_opaque_objects_are_literals(make_config: MakeConfig) -> None:
    values = {"day": datetime.date(2020, 1, 1), "some": {1, 2}, "path": Path("x"), "raw": b"y"}
    config = make_config({"parameters": "b: ${day}"})
    found = config.parameters(supplied(values))
    assert found == {"b": values["day"], **values}
    assert found["some"] is values["some"]


def test_without_runtime_values_parameters_are_one_shared_object(make_config: MakeConfig) -> None:
    config = make_config({"parameters": "a: ${b}\nb: {x: 1}"})
    assert config.parameters(NOTHING) is config.parameters(RuntimeParams(literal=False))


def test_runs_share_parameters_that_no_runtime_value_changes(make_config: MakeConfig) -> None:
    config = make_config({"parameters": "a: {x: {y: 1}}\nb: {c: [1], d: {e: 1}}\nf: ${b.d}"})
    one, two = config.parameters(supplied({"b": {"c": 2}})), config.parameters(NOTHING)
    assert one["a"] is two["a"]
    assert one["b"]["d"] is two["b"]["d"]
    assert one["b"] is not two["b"]


def test_a_resolved_tree_belongs_to_the_caller(make_config: MakeConfig) -> None:
    config = make_config({"parameters": "a: {x: [1]}"})
    config.resolve("parameters")["a"]["x"].append(2)
    assert config.parameters(NOTHING) == {"a": {"x": [1]}}


def test_a_later_change_of_the_values_changes_no_run(make_config: MakeConfig) -> None:
    values = {"a": {"x": [1]}}
    found = make_config({"parameters": "b: 1"}).parameters(supplied(values))
    values["a"]["x"].append(2)
    assert found["a"] == {"x": [1]}


def test_each_run_without_a_required_value_fails(make_config: MakeConfig) -> None:
    config = make_config({"parameters": "a: ${runtime_params:x}"})
    config.check("parameters")
    for _ in range(2):
        with pytest.raises(InterpolationResolutionError, match="Runtime parameter 'x' not found"):
            config.parameters(NOTHING)
    assert config.parameters(supplied({"x": 1})) == {"a": 1, "x": 1}


def test_custom_resolvers_are_evaluated_for_each_run(make_config: MakeConfig) -> None:
    count = itertools.count()
    config = make_config(
        {"parameters": "n: ${count:}\nm: 'v${n}'\nk: ${l}\nl: {x: 1}"}, custom_resolvers={"count": lambda: next(count)}
    )
    assert config.parameters(NOTHING) == {"n": 0, "m": "v0", "k": {"x": 1}, "l": {"x": 1}}
    assert config.parameters(NOTHING)["m"] == "v1"
    assert config.parameters(supplied({"a": 1}))["m"] == "v2"
    assert config.parameters(supplied({"n": 9}))["m"] == "v9"


def run(config: Config, number: int) -> tuple[Mapping[str, Any], dict[str, Any]]:
    runtime = supplied({"seed": number, "deep": {"k": f"run {number}"}} if number % 4 else {})
    return config.parameters(runtime), config.resolve("catalog", runtime)


def expected(number: int) -> tuple[dict[str, Any], dict[str, Any]]:
    if not number % 4:
        return (
            {"seed": 0, "twice": "0 0", "deep": {"k": "file", "l": [0]}, "copy": {"k": "file", "l": [0]}, "p": None},
            {"d": {"type": "t", "path": "data/none/x.csv", "l": ["none"]}},
        )
    deep = {"k": f"run {number}", "l": [number]}
    return (
        {"seed": number, "twice": f"{number} {number}", "deep": deep, "copy": deep, "p": number},
        {"d": {"type": "t", "path": f"data/{number}/x.csv", "l": [number]}},
    )


def test_sixty_four_threads_each_see_their_own_values(make_config: MakeConfig) -> None:
    config = make_config(
        {
            "parameters": "seed: 0\ntwice: ${seed} ${seed}\ndeep: {k: file, l: ['${seed}']}\ncopy: ${deep}\n"
            "p: ${runtime_params:seed, null}",
            "catalog": "_p: ${runtime_params:seed, none}\nd: {type: t, path: 'data/${_p}/x.csv', l: ['${_p}']}",
        }
    )
    start = threading.Barrier(64)

    def runs(thread: int) -> list[int]:
        start.wait()
        numbers = range(thread * 100, thread * 100 + 20)
        return [number for number in numbers if run(config, number) != expected(number)]

    with ThreadPoolExecutor(64) as pool:
        assert [wrong for found in pool.map(runs, range(64)) for wrong in found] == []


def test_ordered_pairs_are_tuples_whose_values_are_interpolated_and_not_shared(make_config: MakeConfig) -> None:
    config = make_config({"parameters": "a: !!omap [x: '${b}', y: {z: '${runtime_params:k, 1}'}, w: {v: 2}]\nb: 5"})
    assert config.resolve("parameters")["a"] == [("x", 5), ("y", {"z": 1}), ("w", {"v": 2})]
    assert config.resolve("parameters", RuntimeParams(values={"k": 9}))["a"][1] == ("y", {"z": 9})
    config.resolve("parameters")["a"][2][1]["v"] = 0
    assert config.resolve("parameters")["a"][2] == ("w", {"v": 2})

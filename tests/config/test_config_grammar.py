import json
from typing import Any

import pytest
from config_fixtures import MakeConfig

from kedro_asgi.errors import (
    GrammarParseError,
    InterpolationKeyError,
    InterpolationResolutionError,
    InterpolationToMissingValueError,
    UnsupportedInterpolationType,
    error_type,
)

AROUND = {
    "i": 1,
    "f": 1.5,
    "yes": True,
    "none": None,
    "s": "text",
    "l": [10, {"z": 20}],
    "m": {"k": "v", "1": "one", "n": {"x": 3}},
    "key": "k",
    "deep": "n.x",
    "empty": "???",
    "odd.]key": "odd",
}


def shown(*values: Any) -> str:
    return repr(values)


@pytest.fixture
def evaluate(make_config: MakeConfig) -> Any:
    def evaluate(text: str) -> Any:
        config = make_config(
            {"catalog": json.dumps({**AROUND, "text": text})}, custom_resolvers={"shown": shown, "same": lambda x: x}
        )
        return config.resolve("catalog")["text"]

    return evaluate


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${i}", 1),
        ("${f}", 1.5),
        ("${yes}", True),
        ("${none}", None),
        ("${l}", [10, {"z": 20}]),
        ("${m.n}", {"x": 3}),
        ("${ i }", 1),
        ("${i}${i}", "11"),
        ("${i} ", "1 "),
        ("${i}-${yes}-${none}-${f}", "1-True-None-1.5"),
        ("a ${m.n}", "a {'x': 3}"),
        ("${m.k}", "v"),
        ("${m[k]}", "v"),
        ("${[m].k}", "v"),
        ("${m.1}", "one"),
        ("${l[0]}", 10),
        ("${l.0}", 10),
        ("${l[-1].z}", 20),
        ("${l.-1[z]}", 20),
        ("${.i}", 1),
        ("${m.${key}}", "v"),
        ("${m[${key}]}", "v"),
        ("${m.${deep}}", 3),
        (r"${odd\.\]key}", "odd"),
        (r"${oc.select:'odd\.\]key'}", "odd"),
    ],
)
def test_references_find_values_and_keep_their_types(evaluate: Any, text: str, expected: object) -> None:
    found = evaluate(text)
    assert (type(found), found) == (type(expected), expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"\${i}", "${i}"),
        (r"\\${i}", "\\1"),
        (r"\\\${i}", r"\${i}"),
        (r"a\b\\${i}\\", "a\\b\\1\\\\"),
        ("$${i}", "$1"),
        ("$ {i} ${i}$", "$ {i} 1$"),
        ("{name}_${i}}", "{name}_1}"),
        (r"\???", "???"),
        (r"\\???", r"\???"),
    ],
)
def test_a_backslash_escapes_an_interpolation(evaluate: Any, text: str, expected: str) -> None:
    assert evaluate(text) == expected


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("", ()),
        (" ", ()),
        ("1,-2,+3,1_000", (1, -2, 3, 1000)),
        ("1.5,.5,1.,1e3,-1e-3,inf", (1.5, 0.5, 1.0, 1000.0, -0.001, float("inf"))),
        ("true,FALSE,null", (True, False, None)),
        ("007,0x1,1e,.e1,1 2,1-1,yes", ("007", "0x1", "1e", ".e1", "1 2", "1-1", "yes")),
        (" a b , c  d ", ("a b", "c  d")),
        ("s3://b/k,/a/b c.csv,C:\\x,12:30,a@b%c*d?e|f", ("s3://b/k", "/a/b c.csv", "C:\\x", "12:30", "a@b%c*d?e|f")),
        ("a,", ("a", "")),
        (",", ("", "")),
        ("a,,b", ("a", "", "b")),
        ("'1',\"true\",'',\"a'b\"", ("1", "true", "", "a'b")),
        (r"'a\'b','a\\','a\b'", ("a'b", "a\\", r"a\b")),
        (r"a\,b,\ c\ ,\:\{\}\[\]\(\)\=\\,\x", ("a,b", " c ", ":{}[]()=\\", r"\x")),
        ("'x${i}y','${i}','\\${i}'", ("x1y", "1", "${i}")),
        ("a${i}b,${i},${i} ${f}", ("a1b", 1, "1 1.5")),
        ("[],[1, a,[b]],[1,]", ([], [1, "a", ["b"]], [1, ""])),
        ("{},{a: 1, b c: {d: [e]}}", ({}, {"a": 1, "b c": {"d": ["e"]}})),
        ("{1: a, 2.5: b, null: c, x:y:z}", ({1: "a", 2.5: "b", None: "c", "x": "y:z"},)),
        ("{a: ${m.n}},[${l}]", ({"a": {"x": 3}}, [[10, {"z": 20}]])),
        ("${same:'${same:\"q\"}'}", ("q",)),
    ],
)
def test_arguments_are_typed(evaluate: Any, arguments: str, expected: tuple[Any, ...]) -> None:
    assert evaluate(f"${{shown:{arguments}}}") == repr(expected)


@pytest.mark.parametrize(
    "text",
    [
        "${}", "${i", "${.}", "${i.}", "${i..f}", "${m. k}", "${m[ k ]}", "${m['k']}", "${m${key}}", "${{i}}",
        "${shown:a'b}", "${shown:'a}", "${shown:'a'b}", "${shown:a=b}", "${shown:a#b}", "${shown:é}", "${shown:[1}",
        "${shown:1]}", "${shown:{a}}", "${shown:{a:}}", "${shown:{a: 1,}}", "${shown:{'a': 1}}", "${shown:[1]x}",
        "${.shown:1}", "${shown[0]:1}", "${1shown:1}", "${shown:a\nb}",
    ],
)  # fmt: skip
def test_invalid_syntax_is_refused(evaluate: Any, text: str) -> None:
    with pytest.raises(GrammarParseError, match=r"(?s)full_key: text\n    file: .*catalog\.yml, line 1"):
        evaluate(text)


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("${nope}", InterpolationKeyError, "Interpolation key 'nope' not found"),
        ("${no.such}", InterpolationKeyError, "Interpolation key 'no.such' not found"),
        ("${m[9]}", InterpolationKeyError, "Interpolation key 'm[9]' not found"),
        ("${l[9]}", InterpolationKeyError, "Interpolation key 'l[9]' not found"),
        ("${..i}", InterpolationKeyError, "Interpolation key '..i' not found"),
        ("${l.x}", InterpolationResolutionError, "'l.x' cannot be found: an index into a list is not an int"),
        ("${s.x}", InterpolationResolutionError, "'s.x' cannot be found: part of it is not a container"),
        ("${none.x}", InterpolationResolutionError, "'none.x' cannot be found: part of it is not a container"),
        ("${m.${none}}", InterpolationResolutionError, "A key must be text or a whole number"),
        ("${empty}", InterpolationToMissingValueError, "Missing mandatory value: empty"),
        ("${text}", InterpolationResolutionError, "Recursive interpolation detected"),
        ("${nores:1}", UnsupportedInterpolationType, "Unsupported interpolation type nores"),
        ("${oc.nope:1}", UnsupportedInterpolationType, "Unsupported interpolation type oc.nope"),
        ("${oc.env:HOME}", UnsupportedInterpolationType, "Unsupported interpolation type oc.env"),
        ("${${none}:1}", InterpolationResolutionError, "A resolver was computed as None"),
        ("${i} ${s} ${nope}", InterpolationKeyError, "Interpolation key 'nope' not found"),
        ("${shown:1, ${nope}}", InterpolationKeyError, "Interpolation key 'nope' not found"),
        ("${runtime_params:x, ${nope}}", InterpolationKeyError, "Interpolation key 'nope' not found"),
    ],
)
def test_errors_are_raised_before_any_run_and_name_key_and_line(
    make_config: MakeConfig, text: str, kind: type[InterpolationResolutionError], message: str
) -> None:
    config = make_config(
        {"catalog": f'{json.dumps(AROUND)[:-1]},\n"text": {json.dumps(text)}}}'}, custom_resolvers={"shown": shown}
    )
    with pytest.raises(kind) as caught:
        config.entries("catalog")
    assert error_type(caught.value) == kind.__name__
    assert str(caught.value).startswith(message)
    assert str(caught.value).endswith("catalog.yml, line 2")
    assert (caught.value.full_key, caught.value.line) == ("text", 2)


def test_a_plain_missing_marker_stays(evaluate: Any) -> None:
    assert evaluate("???") == "???"


def test_relative_references_start_at_their_string(make_config: MakeConfig) -> None:
    inner = "{b: '${..c}', d: '${.b}', l: ['${...c}', '${..d}', '${.0}'], x: {y: '${...a.d}'}}"
    config = make_config({"catalog": f"c: 9\na: {inner}\ne: ${{a}}"})
    expected = {"b": 9, "d": 9, "l": [9, 9, 9], "x": {"y": 9}}
    assert config.resolve("catalog") == {"c": 9, "a": expected, "e": expected}


def test_references_lead_through_other_references(make_config: MakeConfig) -> None:
    config = make_config({"catalog": "a: ${m.k.z}\nm: ${n}\nn: {k: '${o}'}\no: {z: 3}"})
    assert config.resolve("catalog")["a"] == 3


@pytest.mark.parametrize(
    "text",
    [
        "a: ${b}\nb: ${a}",
        "a: {b: '${a}'}",
        "a: {x: '${b}'}\nb: {y: '${a}'}",
        "a: [1, '${a}']",
        "a: 'x${b}'\nb: ${c}\nc: ${a}",
        "a: {b: 'x ${..a}'}",
    ],
)
def test_cycles_are_refused(make_config: MakeConfig, text: str) -> None:
    with pytest.raises(InterpolationResolutionError, match=r"Recursive interpolation|parent node"):
        make_config({"catalog": text}).entries("catalog")


@pytest.mark.parametrize("text", ["a: {x: '${b.y}'}\nb: {y: 1, z: '${a.x}'}", "a: {x: '${.y}', y: 1}\nb: {q: '${a}'}"])
def test_references_between_siblings_are_no_cycle(make_config: MakeConfig, text: str) -> None:
    assert make_config({"catalog": text}).resolve("catalog")["a"]["x"] == 1


def test_a_mapping_in_a_text_shows_as_it_was_written(make_config: MakeConfig) -> None:
    config = make_config({"catalog": "a: 's ${m}'\nm: {x: '${n}'}\nn: 5"})
    assert config.resolve("catalog")["a"] == "s {'x': '${n}'}"


def test_each_reference_gets_its_own_copy(make_config: MakeConfig) -> None:
    resolved = make_config({"catalog": "a: ${c}\nb: ${c}\nc: {l: [1]}"}).resolve("catalog")
    resolved["a"]["l"].append(2)
    assert resolved["b"] == resolved["c"] == {"l": [1]}

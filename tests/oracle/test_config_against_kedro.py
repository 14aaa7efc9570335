"""Random configurations have the same values, or errors of the same kind, in our loader and in Kedro's."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from both_engines.drawing import draw
from config_oracle import RESOLVERS, answer
from hypothesis import assume
from hypothesis import strategies as st

from kedro_asgi.config import ConfigLoader
from kedro_asgi.errors import error_type

NAMES = ["a", "b", "c", "d", "_e", "f-g"]
GRAMMAR_PIECES = [*"${}[]:,.'\"\\ abm01-+_e/|#=", "${", "\\${", "${same:", "${b}", "${m", "true", "null", "1.5", "inf"]

names = st.sampled_from(NAMES)
words = st.sampled_from(["", "x", "x y", "1", "007", "1e3", "true", "???", "$", "\\", "{n}", "}", "a.b", "ä"])
scalars = st.one_of(words, st.integers(-3, 20), st.sampled_from([1.5, -0.25, None, True, False]))
paths = st.lists(st.one_of(names, st.sampled_from(["0", "1", "-1"])), min_size=1, max_size=3).map(".".join)
bracketed = st.builds("{}[{}]".format, names, st.one_of(names, st.sampled_from(["0", "1", "-1"])))
relative = st.builds(lambda dots, path: dots + path, st.sampled_from([".", "..", "..."]), paths)
references = st.one_of(paths, paths, bracketed, relative)
arguments = st.one_of(
    st.sampled_from(
        ["1", "-2", "1.5", "x", "a b", "null", "true", "'q'", '"d d"', "''", "a/b", "[1, x]", "{k: 1, l: []}"]
    ),
)


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    either = st.one_of(arguments, inner)
    return st.one_of(
        st.builds("${{{}}}".format, references),
        st.builds("${{{}}}".format, references),
        st.builds("${{{}.{}}}".format, inner, names),
        st.builds("${{globals:{}}}".format, paths),
        st.builds("${{globals:{},{}}}".format, paths, either),
        st.builds("${{runtime_params:{}, {}}}".format, paths, either),
        st.builds("${{oc.select:{}, {}}}".format, paths, either),
        st.builds("${{oc.dict.keys:{}}}".format, paths),
        st.builds("${{oc.dict.values:{}}}".format, paths),
        st.builds("${{oc.decode:'{}'}}".format, st.sampled_from(["[1, 2]", "{k: ${a}}", "1e3", "x"])),
        st.builds("${{same:{}}}".format, arguments),
        st.builds("${{shown:{}, {}}}".format, arguments, arguments),
        st.builds("${{add:1, {}}}".format, st.sampled_from(["2", "${a}", "0.5"])),
        st.builds("${{{}:1}}".format, st.sampled_from(["nothing", "oc.nothing"])),
        st.just("${oc.env:NO_SUCH_VARIABLE, x}"),
    )


interpolations = st.recursive(st.builds("${{{}}}".format, references), _grown, max_leaves=3)
texts = st.builds(
    lambda pieces: "".join(pieces),
    st.lists(st.one_of(words, interpolations, st.sampled_from(["\\", "\\\\"])), min_size=1, max_size=3),
)
leaves = st.one_of(scalars, scalars, interpolations, texts)
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=3)),
    max_leaves=6,
)
documents = st.dictionaries(names, trees, min_size=1, max_size=5)
constants = st.dictionaries(
    names,
    st.recursive(
        scalars, lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(names, inner, max_size=2))
    ),
    max_size=4,
)
raw_grammar = st.lists(st.sampled_from(GRAMMAR_PIECES), min_size=1, max_size=9).map("".join)


@st.composite
def environments(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a configuration of one or two environments, with globals and runtime parameters."""
    key = draw(st.sampled_from(["parameters", "parameters", "catalog", "credentials"]))
    files = {f"base/{key}.yml": json.dumps(draw(documents)), "base/globals.yml": json.dumps(draw(constants))}
    extra: dict[str, Any] = {"merge_strategy": {key: draw(st.sampled_from(["soft", "destructive"]))}}
    if draw(st.booleans()):
        files[f"local/{key}.yml"] = json.dumps(draw(documents))
        files["local/globals.yml"] = json.dumps(draw(constants))
    # Kedro reads these twice, which removes an escape.
    is_read_once = key != "credentials" and extra["merge_strategy"][key] == "destructive"
    assume(is_read_once or not re.search(r"\\(\$\{|\?\?\?)", "".join(files.values())))
    # With runtime parameters and two environments of parameters, the engines differ on purpose.
    if key != "parameters" or len(files) == 2:
        supplied = draw(st.one_of(constants, documents))
        assume("???" not in json.dumps(supplied))  # Kedro takes this for a missing value, ours for a text
        extra["runtime_params"] = supplied
    return {"files": files, "key": key, "arguments": extra}


@st.composite
def grammars(draw: st.DrawFn) -> dict[str, Any]:
    """Draw one string of pieces of the language, valid or not, beside values that it can refer to."""
    around = {"a": 1, "b": "x", "m": {"a": "k", "b": [5, None]}}
    text = draw(st.one_of(raw_grammar, st.builds("${{shown:{}}}".format, raw_grammar)))
    return {
        "files": {"base/parameters.yml": json.dumps({**around, "text": text})},
        "key": "parameters",
        "arguments": {},
    }


_PATTERN_PIECES = [
    "spark",
    "*",
    "**",
    "x",
    ".h",
    "?",
    "[xy]",
    "[!x]",
    "..",
    ".",
    "",
    "spark*",
    "*.yml",
    "s?ark*",
    "**spark",
]
patterns = st.lists(st.sampled_from(_PATTERN_PIECES), min_size=1, max_size=4).map("/".join)
folders = st.lists(st.sampled_from(["spark", "x", "y", ".h", "spark_x"]), max_size=3)
file_names = st.sampled_from(["spark.yml", "spark_a.json", "x.yml", ".h.yml", "sparks.txt", "y.yaml"])
files = st.builds(lambda path, name: "/".join([*path, name]), folders, file_names)


@st.composite
def file_patterns(draw: st.DrawFn) -> dict[str, Any]:
    """Draw files, each with a key of its own, and the patterns that choose some of them."""
    chosen = draw(st.lists(patterns, min_size=1, max_size=3))
    assume(all(pattern.count("..") < 2 for pattern in chosen))  # stay in the case's folder
    drawn = draw(st.lists(files, min_size=3, max_size=8, unique=True))
    tops = draw(st.lists(st.sampled_from(["base", "base", "local", "x"]), min_size=len(drawn), max_size=len(drawn)))
    paths = [f"{top}/{file}" for top, file in zip(tops, drawn, strict=True)]
    return {
        "files": {path: json.dumps({path: number}) for number, path in enumerate(paths)},
        "key": "spark",
        "arguments": {
            "config_patterns": {"spark": chosen},
            "ignore_hidden": draw(st.booleans()),
        },
    }


def _kedro(cases: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("config_oracle.py"))],
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "DO_NOT_TRACK": "1"},
    )
    answers: list[dict[str, Any]] = json.loads(done.stdout)
    return answers


def _check(strategy: st.SearchStrategy[Any], count: int) -> None:
    cases = draw(strategy, count)
    differences, shared_values = [], 0
    for case, theirs in zip(cases, _kedro(cases), strict=True):
        ours = answer(case, ConfigLoader, error_type)
        shared_values += "value" in theirs
        if not _is_same(case, ours, theirs):
            differences.append(f"{json.dumps(case)}\n  kedro: {theirs}\n  ours:  {ours}")
    assert not differences, "\n".join(sorted(differences, key=len)[:5])
    assert shared_values > count / 20, "too few of the cases have a value at all"


def _is_same(case: Mapping[str, Any], ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> bool:
    if _differs_on_purpose(case, json.dumps(ours.get("value")), json.dumps(theirs)):
        return True
    if "value" in theirs and case["key"] == "spark":
        return _items(ours) == _items(theirs)  # Kedro reads the files in random order
    if "value" in theirs:
        return ours.get("value", ...) == theirs["value"]
    if "value" in ours:
        return _hides_an_error(case)
    if theirs["error"] == "RecursionError":
        return ours["error"] == "InterpolationResolutionError"
    if json.dumps(case).count("${") > 1:
        return "error" in ours  # the contract does not say which of several errors comes first
    return ours.get("error") == theirs["error"]


def _items(answer: Mapping[str, Any]) -> list[Any]:
    return sorted(answer.get("value", {}).get("mapping", []))


def _differs_on_purpose(case: Mapping[str, Any], ours: str, theirs: str) -> bool:
    """Whether Kedro does something here that no user can want."""
    return (
        # A list over a mapping, or the reverse: ours replaces it, as it does other types.
        "Cannot merge incompatible container types" in theirs
        # Kedro interpolates credentials twice, and also a mapping that it wrote into a text.
        or (case["key"] == "credentials" and "${" in ours)
        # In Kedro's credentials, oc.dict.keys fails, and so does oc.dict.values in a list. In a text, oc.dict.values
        # writes new references.
        or "$KEY_TYPE" in theirs
        or "ListConfig indices must be integers or slices, not NoneType" in theirs
        or ("oc.dict.values" in json.dumps(case) and "${" in theirs)
        # For ours, a text whose value is three question marks is still a text.
        or "Interpolation resolved to a missing value" in theirs
    )


def _hides_an_error(case: Mapping[str, Any]) -> bool:
    """Whether the error may be in an entry that no caller sees: ours does not evaluate those."""
    text = json.dumps(case["files"])
    is_unseen = '_e\\":' in text or f"local/{case['key']}.yml" in case["files"]
    is_late = any(name in text for name in (*RESOLVERS, "runtime_params:", "oc.env:"))
    return case["key"] != "parameters" and is_unseen and is_late


@pytest.mark.slow
def test_random_strings_mean_what_they_mean_to_kedro() -> None:
    _check(grammars(), 200)


@pytest.mark.slow
def test_random_environments_have_the_values_that_kedro_finds() -> None:
    _check(environments(), 100)


@pytest.mark.slow
def test_random_file_patterns_find_the_files_that_kedro_finds() -> None:
    _check(file_patterns(), 60)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    "strategy", [grammars(), environments(), file_patterns()], ids=["strings", "environments", "patterns"]
)
def test_many_random_configurations_agree_with_kedro(strategy: st.SearchStrategy[Any]) -> None:
    _check(strategy, 2500)

import datetime
import itertools
from typing import Any

import pytest
from config_fixtures import MakeConfig

from kedro_asgi.errors import InterpolationError, InterpolationResolutionError, UnsupportedInterpolationType
from kedro_asgi.runs import RuntimeParams

GLOBALS = "a: 1\nm: {k: [1, {z: 5}], _h: 3, n: null, f: 0}\n_x: 2\ns: 'x ${a}'\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${globals:a}", 1),
        ("${globals:m.k.1.z}", 5),
        ("${globals:'m.k[1].z'}", 5),
        ("${globals:m.k}", [1, {"z": 5}]),
        ("${globals:s}", "x 1"),
        ("${globals:m._h}", 3),
        ("${globals:m.n, 5}", None),
        ("${globals:m.f, 5}", 0),
        ("${globals:nope, dflt}", "dflt"),
        ("${globals:a.b, 2}", 2),
        ("${globals:nope, ${globals:a}}", 1),
        ("v${globals:a}", "v1"),
    ],
)
@pytest.mark.parametrize("key", ["parameters", "catalog", "credentials"])
def test_globals_are_looked_up_everywhere(make_config: MakeConfig, key: str, text: str, expected: object) -> None:
    config = make_config({"globals": GLOBALS, key: f'v: "{text}"'})
    assert config.resolve(key)["v"] == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${globals:y}", "Globals key 'y' not found and no default value provided."),
        ("${globals:_x, 1}", "Keys starting with '_' are not supported for globals."),
        ("${globals:m.k.x, 1}", "m.k.x: an index into a list is not an int"),
        ("${globals:}", "TypeError raised while resolving interpolation: a path"),
        ("${globals:5}", "TypeError raised while resolving interpolation: a path must be text"),
    ],
)
def test_a_failed_lookup_of_globals_is_an_error(make_config: MakeConfig, text: str, message: str) -> None:
    with pytest.raises(InterpolationResolutionError) as caught:
        make_config({"globals": GLOBALS, "catalog": f'v: "{text}"'}).entries("catalog")
    assert str(caught.value).startswith(message)


def test_globals_of_both_environments_are_merged(make_config: MakeConfig) -> None:
    files = {
        "base/globals.yml": "a: 1\nb: {x: 1}",
        "local/globals.yml": "b: {y: 2}",
        "base/catalog.yml": "v: ${globals:b}",
    }
    assert make_config(files).resolve("catalog") == {"v": {"y": 2}}
    soft = make_config(files, merge_strategy={"globals": "soft"})
    assert soft.resolve("catalog") == {"v": {"x": 1, "y": 2}}


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("${runtime_params:x}", UnsupportedInterpolationType, "The `runtime_params:` resolver is not supported"),
        ("${globals:b}", InterpolationResolutionError, "Globals cannot be looked up with `globals:` within globals"),
        ("${oc.env:HOME}", UnsupportedInterpolationType, "Unsupported interpolation type oc.env"),
    ],
)
def test_globals_cannot_use_other_resolvers(
    make_config: MakeConfig, text: str, kind: type[InterpolationError], message: str
) -> None:
    config = make_config({"globals": f"a: {text}\nb: 1", "parameters": "p: 1"})
    for key in ("globals", "parameters"):
        with pytest.raises(kind, match=message):
            config.entries(key)


@pytest.mark.parametrize("key", ["parameters", "catalog", "credentials"])
def test_runtime_params_are_looked_up_everywhere(make_config: MakeConfig, key: str) -> None:
    config = make_config({key: "v: ['${runtime_params:x}', '${runtime_params:y.0.z, 2}', 'p/${runtime_params:x}']"})
    runtime = RuntimeParams(values={"x": 1, "y": [{"z": None}]})
    assert config.resolve(key, runtime)["v"] == [1, None, "p/1"]
    assert config.resolve(key, RuntimeParams(values={"x": "q", "y": 5}))["v"] == ["q", 2, "p/q"]
    with pytest.raises(
        InterpolationResolutionError, match="Runtime parameter 'x' not found and no default value provided"
    ):
        config.resolve(key)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("${runtime_params:y.z, 2}", 2), ("${runtime_params:n, 2}", None), ("${runtime_params:f, 2}", False)],
)
def test_a_supplied_null_or_false_counts_and_a_dotted_key_is_no_path(
    make_config: MakeConfig, text: str, expected: object
) -> None:
    runtime = RuntimeParams(values={"y.z": 1, "n": None, "f": False})
    assert make_config({"catalog": f'v: "{text}"'}).resolve("catalog", runtime) == {"v": expected}


def test_environment_variables_are_read_in_credentials_when_a_run_asks(
    make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = make_config(
        {"credentials": "a: {k: '${oc.env:MADE_UP}'}\nb: ${oc.env:NOT_THERE, 5}\nc: '${oc.env:NOT_THERE,null}'"}
    )
    monkeypatch.setenv("MADE_UP", "12")
    assert config.resolve("credentials") == {"a": {"k": "12"}, "b": "5", "c": None}
    monkeypatch.setenv("MADE_UP", "true")
    assert config.entries("credentials")["a"].resolve(RuntimeParams()) == {"k": "true"}


def test_an_unset_environment_variable_is_an_error_of_the_run_that_needs_it(make_config: MakeConfig) -> None:
    config = make_config({"credentials": "a: ${oc.env:NOT_THERE}\nb: 1"})
    assert config.entries("credentials")["b"].resolve(RuntimeParams()) == 1
    with pytest.raises(InterpolationResolutionError, match="Environment variable 'NOT_THERE' not found"):
        config.resolve("credentials")


def test_a_failure_in_credentials_enables_nothing_elsewhere(make_config: MakeConfig) -> None:
    config = make_config({"credentials": "a: ${oc.env:NOT_THERE}", "catalog": "a: ${oc.env:HOME}"})
    with pytest.raises(InterpolationResolutionError):
        config.resolve("credentials")
    with pytest.raises(UnsupportedInterpolationType):
        config.entries("catalog")


def test_credentials_files_cannot_refer_to_each_other(make_config: MakeConfig) -> None:
    config = make_config({"credentials": "a: 1\nc: ${a}", "credentials_b": "b: ${a}"})
    with pytest.raises(InterpolationError, match="Interpolation key 'a' not found"):
        config.entries("credentials")


def test_custom_resolvers_are_called_for_each_run(make_config: MakeConfig) -> None:
    count = itertools.count()
    resolvers = {"count": lambda: next(count), "add": lambda *n: sum(n), "day": lambda: datetime.date(2020, 1, 1)}
    config = make_config(
        {"catalog": "a: ${count:}\nb: ${add:1,${c},2.5}\nc: 3\nd: ${day:}"}, custom_resolvers=resolvers
    )
    assert config.resolve("catalog") == {"a": 0, "b": 6.5, "c": 3, "d": datetime.date(2020, 1, 1)}
    assert config.resolve("catalog")["a"] == 1
    assert not config.entries("catalog")["a"].is_static
    assert config.entries("catalog")["c"].is_static


def test_a_custom_resolver_is_called_once_for_all_references(make_config: MakeConfig) -> None:
    count = itertools.count()
    files = {"catalog": "_n: ${count:}\na: {x: '${_n}', y: 'v${_n}', z: '${_n}'}"}
    config = make_config(files, custom_resolvers={"count": lambda: next(count)})
    assert config.resolve("catalog") == {"a": {"x": 0, "y": "v0", "z": 0}}


def test_custom_resolvers_get_and_return_plain_values(make_config: MakeConfig) -> None:
    seen: list[Any] = []

    def keep(*values: Any) -> Any:
        seen.extend(values)
        return {"l": [1], "t": "${not} interpolated"}

    config = make_config(
        {"catalog": "m: {x: '${n}'}\nn: 2\na: ${keep:${m},[1, ${n}]}"}, custom_resolvers={"keep": keep}
    )
    assert config.resolve("catalog")["a"] == {"l": [1], "t": "${not} interpolated"}
    assert seen == [{"x": 2}, [1, 2]]
    assert [type(value) for value in seen] == [dict, list]


def test_the_error_of_a_failing_custom_resolver_names_the_key(make_config: MakeConfig) -> None:
    config = make_config({"catalog": "a: {b: ['${div:1,0}']}"}, custom_resolvers={"div": lambda a, b: a / b})
    with pytest.raises(
        InterpolationResolutionError, match=r"(?s)^ZeroDivisionError raised while resolving.*full_key: a\.b\[0\]"
    ) as caught:
        config.resolve("catalog")
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_custom_resolvers_belong_to_their_configuration(make_config: MakeConfig) -> None:
    files = {"catalog": "a: ${who:}"}
    first = make_config(files, custom_resolvers={"who": lambda: "first"})
    second = make_config(files, custom_resolvers={"who": lambda: "second"})
    assert [config.resolve("catalog")["a"] for config in (first, second, first)] == ["first", "second", "first"]


def test_a_custom_resolver_does_not_replace_a_built_in_one_but_may_provide_oc_env(make_config: MakeConfig) -> None:
    config = make_config(
        {"globals": "a: 1", "catalog": "a: ${globals:a}\nb: ${oc.env:X}"},
        custom_resolvers={"globals": lambda name: "mine", "oc.env": lambda name: f"env {name}"},
    )
    assert config.resolve("catalog") == {"a": 1, "b": "env X"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${oc.select:m.x}", 1),
        ("${oc.select:nope}", None),
        ("${oc.select:nope.at.all, 7}", 7),
        ("${oc.select:none.x, dflt}", "dflt"),
        ("${oc.select:unset, 3}", 3),
        ("${oc.select:none, 3}", None),
        ("${oc.select:.m.y}", 2),
        ("${oc.select:'l[1]'}", 5),
        ("${oc.dict.keys:m}", ["x", "y"]),
        ("${oc.dict.values:m}", [1, 2]),
        ("${oc.dict.keys:${m}}", ["x", "y"]),
        ("${oc.decode:'[1, {k: ${n}}]'}", [1, {"k": 2}]),
        ("${oc.decode:'1e3'}", 1000.0),
        ("${oc.decode:null}", None),
        ("${oc.create:'{x: 1, y: [${n}]}'}", {"x": 1, "y": [2]}),
        ("${oc.create:{x: [1, ${n}]}}", {"x": [1, 2]}),
        ("${oc.create:word}", {"word": None}),
    ],
)
def test_built_in_resolvers_return_values(make_config: MakeConfig, text: str, expected: object) -> None:
    around = "m: {x: 1, y: '${n}'}\nn: 2\nnone: null\nunset: ???\nl: [4, 5]"
    config = make_config({"catalog": f'{around}\nv: "{text}"'})
    assert config.entries("catalog")["v"].is_static
    assert config.resolve("catalog")["v"] == expected


@pytest.mark.parametrize(
    "text",
    [
        "${oc.dict.keys:nope}",
        "${oc.dict.keys:l}",
        "${oc.decode:5}",
        "${oc.decode:'[1'}",
        "${oc.create:5}",
        "${oc.create:'[1'}",
        "${oc.select:...x}",
        "${oc.select:a,b,c}",
        "${oc.deprecated:nope}",
    ],
)
def test_built_in_resolvers_refuse_invalid_arguments(make_config: MakeConfig, text: str) -> None:
    with pytest.raises(InterpolationResolutionError):
        make_config({"catalog": f'l: [1]\nv: "{text}"'}).entries("catalog")


def test_a_deprecated_key_warns_and_has_the_value_of_the_new_one(make_config: MakeConfig) -> None:
    config = make_config({"catalog": "old: ${oc.deprecated:new}\nnew: 3\nown: ${oc.deprecated:new,'use $NEW_KEY'}"})
    with pytest.warns(UserWarning, match=r"'old' is deprecated. Use 'new' instead|use new"):
        assert config.resolve("catalog") == {"old": 3, "new": 3, "own": 3}

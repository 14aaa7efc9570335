from typing import Any

import pytest
from config_fixtures import MakeConfig

from kedro_asgi.config import Template
from kedro_asgi.errors import InterpolationResolutionError
from kedro_asgi.runs import RuntimeParams

MakeTemplate = Any


@pytest.fixture
def template(make_config: MakeConfig) -> MakeTemplate:
    def template(text: str, *, globals_: str = "", **arguments: Any) -> Template:
        return make_config({"catalog": text, "globals": globals_}, **arguments).entries("catalog")["q"]

    return template


def attack(**values: Any) -> RuntimeParams:
    return RuntimeParams(values=values)


@pytest.mark.parametrize(
    "text",
    [
        "q: {type: '${runtime_params:x}'}",
        "q: {type: '${runtime_params:x, MemoryDataset}'}",
        "q: {type: 'pandas.${runtime_params:x}Dataset'}",
        "_t: ${runtime_params:x}\nq: {type: '${_t}'}",
        "_t: ${runtime_params:x}\nq: {other: '${_t}', type: '${_t}'}",
        "_t: ${runtime_params:x}\n_u: a.${_t}\n_v: {w: '${_u}'}\nq: {type: '${_v.w}'}",
        "q: ${runtime_params:entry}",
        "_q: ${runtime_params:entry}\nq: ${_q}",
        "_q: ${runtime_params:entry}\nq: {type: '${_q.type}'}",
        "_q: {entry: '${runtime_params:entry}'}\nq: ${_q.entry}",
        "q: {type: t, dataset: '${runtime_params:entry}'}",
        "q: {type: t, l: ['${runtime_params:entry}']}",
        "q: {type: t, l: '${runtime_params:list}'}",
        "q: {type: t, l: [{type: '${runtime_params:x}'}]}",
        "q: {type: t, load_args: {type: '${runtime_params:x}'}}",
        "q: {type: '${runtime_params:\"x\"}'}",
        "_v: x\nq: {type: '${runtime_params:${_v}}'}",
        "q: {type: '${runtime_params:${runtime_params:name}}'}",
        "q: {type: '${runtime_params:${runtime_params:key}, MemoryDataset}'}",
        "q: {type: '${runtime_params:nope, ${runtime_params:x}}'}",
        "q: {type: '${globals:nope, ${runtime_params:x}}'}",
        "q: {type: '${globals:types.${runtime_params:key}}'}",
        "_t: {k: pickle.PickleDataset}\nq: {type: '${_t.${runtime_params:key}}'}",
        "_t: {k: pickle.PickleDataset}\nq: {type: '${${runtime_params:ref}}'}",
        "_d: {k: {type: pickle.PickleDataset}}\nq: ${_d.${runtime_params:key}}",
        "_d: [{type: a}, {type: b}]\nq: ${_d[${runtime_params:index}]}",
        "_t: {k: pickle.PickleDataset}\nq: {l: {type: '${oc.select:${runtime_params:ref}}'}}",
        "q: {type: '${oc.select:${runtime_params:x}, MemoryDataset}'}",
        "q: {type: '${oc.decode:${runtime_params:x}}'}",
        "q: \"${oc.create:'{type: ${runtime_params:x}}'}\"",
        "q: \"${oc.create:{type: '${runtime_params:x}'}}\"",
        "_d: {k: '${runtime_params:x}'}\nq: {l: '${oc.dict.values:_d}', m: {type: '${oc.dict.values:_d}'}}",
        "q: {type: '${same:${runtime_params:x}}'}",
        "_d: {k: '${runtime_params:x}'}\nq: {type: '${pick:${_d}}'}",
        "q: {type: '${${runtime_params:resolver}:pickle.PickleDataset}'}",
        "q: {type: ['${runtime_params:x}']}",
        "q: {type: {of: '${runtime_params:x}'}}",
        "q: {type: partitions.PartitionedDataset, dataset: '${runtime_params:x}'}",
        "_b: &b {type: '${runtime_params:x}'}\nq: {<<: *b, filepath: f}",
        "q: {type: t, l: !!omap [dataset: {type: '${runtime_params:x}'}]}",
        "q: {type: t, l: !!pairs [type: '${runtime_params:x}']}",
        "q: {type: t, l: !!omap [a: '${runtime_params:entry}']}",
        "_l: !!omap [a: {type: '${runtime_params:x}'}]\nq: {type: t, l: '${_l}'}",
    ],
)
def test_no_value_of_the_caller_reaches_a_type(template: MakeTemplate, text: str) -> None:
    entry = template(
        text,
        globals_="types: {k: pickle.PickleDataset}",
        custom_resolvers={"same": lambda value: value, "pick": lambda mapping: mapping["k"]},
    )
    runtime = attack(
        x="pickle.PickleDataset",
        entry={"type": "pickle.PickleDataset"},
        list=[1, {"type": "pickle.PickleDataset"}],
        name="x",
        key="k",
        ref="_t.k",
        index=1,
        resolver="same",
    )
    message = "^Dataset 'q' resolves a 'type' field via the 'runtime_params:' resolver to .* which is not permitted"
    with pytest.raises(InterpolationResolutionError, match=message):
        entry.resolve(runtime)
    assert entry.selects_type
    free = RuntimeParams(values=runtime.values, restrict_type_selection=False)
    assert entry.resolve(free)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "q: {type: '${runtime_params:dt, MemoryDataset}', f: '${runtime_params:x}'}",
            {"type": "MemoryDataset", "f": "v"},
        ),
        ("q: {type: t, f: 'a/${runtime_params:x}'}", {"type": "t", "f": "a/v"}),
        ("_b: {type: t, f: '${runtime_params:x}'}\nq: ${_b}", {"type": "t", "f": "v"}),
        ("_b: {type: t, f: '${runtime_params:x}'}\nq: {type: '${_b.type}'}", {"type": "t"}),
        ("q: {type: t, args: '${runtime_params:args}'}", {"type": "t", "args": {"a": [1]}}),
        ("q: {type: bq.Table, dataset: '${runtime_params:x}'}", {"type": "bq.Table", "dataset": "v"}),
        ("q: {type: '${globals:t, ${runtime_params:x}}'}", {"type": "from_globals"}),
        ("q: {type: '${same:t}', f: '${runtime_params:x}'}", {"type": "t", "f": "v"}),
        (
            "q: {type: t, l: !!omap [a: '${runtime_params:x}', type: '${same:t}', b: [1]]}",
            {"type": "t", "l": [("a", "v"), ("type", "t"), ("b", [1])]},
        ),
    ],
)
def test_values_of_the_caller_may_decide_everything_else(template: MakeTemplate, text: str, expected: Any) -> None:
    entry = template(text, globals_="t: from_globals", custom_resolvers={"same": lambda value: value})
    assert entry.resolve(attack(x="v", args={"a": [1]})) == expected


def test_the_guard_holds_for_merged_environments_and_the_whole_catalog(make_config: MakeConfig) -> None:
    files = {"base/catalog.yml": "q: {type: t}", "local/catalog.yml": "q: '${runtime_params:x}'"}
    config = make_config(files, merge_strategy={"catalog": "soft"})
    with pytest.raises(InterpolationResolutionError, match="not permitted"):
        config.resolve("catalog", attack(x={"type": "pickle.PickleDataset"}))


def test_the_guard_is_about_the_catalog_only(make_config: MakeConfig) -> None:
    text = "a: {type: '${runtime_params:x}'}"
    config = make_config({"parameters": text, "credentials": text})
    runtime = attack(x="service_account")
    assert config.parameters(runtime)["a"] == {"type": "service_account"}
    assert config.resolve("credentials", runtime)["a"] == {"type": "service_account"}


VALIDATED = "q: {type: t, validator: %s}"


@pytest.mark.parametrize(
    "text",
    [
        VALIDATED % "'${runtime_params:x}'",
        VALIDATED % "'checks.${runtime_params:x}'",
        VALIDATED % "'${runtime_params:nope, ${runtime_params:x}}'",
        VALIDATED % "{class: '${runtime_params:x}'}",
        VALIDATED % "'${runtime_params:spec}'",
        VALIDATED % "['${runtime_params:x}']",
        "_v: ${runtime_params:x}\n" + VALIDATED % "{class: '${_v}'}",
        "_v: ${runtime_params:spec}\n" + VALIDATED % "'${_v}'",
        "_v: {a: {class: a.b}}\n" + VALIDATED % "'${_v.${runtime_params:key}}'",
        "q: {type: CachedDataset, dataset: {type: t, validator: {class: '${runtime_params:x}'}}}",
    ],
)
def test_no_value_of_the_caller_chooses_a_validator(template: MakeTemplate, text: str) -> None:
    entry = template(text)
    runtime = attack(x="os.system", spec={"class": "os.system"}, key="a")
    assert entry.selects_type
    with pytest.raises(InterpolationResolutionError, match="not permitted"):
        entry.resolve(runtime)


def test_a_caller_may_supply_options_of_a_validator_and_keys_named_class(template: MakeTemplate) -> None:
    text = (
        "q: {type: t, a: {class: '${runtime_params:x}'}, validator: {class: v, options: {min: '${runtime_params:n}'}}}"
    )
    resolved = template(text).resolve(attack(x="c", n=3))
    assert resolved == {"type": "t", "a": {"class": "c"}, "validator": {"class": "v", "options": {"min": 3}}}


@pytest.mark.parametrize(
    ("text", "is_static", "selects_type"),
    [
        ("q: {type: t, f: x}", True, False),
        ("_r: data\nq: {type: t, f: '${_r}/x', l: ['${globals:g}']}", True, False),
        ("q: {type: t, f: 'x/${runtime_params:x}'}", False, False),
        ("_f: 'x/${runtime_params:x}'\nq: {type: t, f: '${_f}'}", False, False),
        ("q: {type: 'x.${runtime_params:x}'}", False, True),
        ("q: {type: t, args: '${runtime_params:x}'}", False, True),
        ("q: {type: t, l: [{m: [{type: 'x.${runtime_params:x}'}]}]}", False, True),
        ("q: {type: t, f: 'x/${same:1}'}", False, False),
        ("_t: 'x.${runtime_params:x}'\nq: {type: '${_t}'}", False, True),
    ],
)
def test_a_template_knows_whether_it_depends_on_a_run(
    template: MakeTemplate, text: str, is_static: bool, selects_type: bool
) -> None:
    entry = template(text, globals_="g: 1", custom_resolvers={"same": lambda value: value})
    assert (entry.name, entry.is_static, entry.selects_type) == ("q", is_static, selects_type)


def test_each_resolution_is_a_new_tree(template: MakeTemplate) -> None:
    runtime = attack(x={"l": [1]})
    for text in (
        "q: {f: {l: [1]}}",
        "q: {f: '${runtime_params:x}'}",
        "_m: {l: [1]}\nq: {f: '${_m}', g: 'a${runtime_params:x}'}",
    ):
        entry = template(text)
        entry.resolve(runtime)["f"]["l"].append(2)
        assert entry.resolve(runtime)["f"] == {"l": [1]}
    assert runtime.values == {"x": {"l": [1]}}


def test_texts_are_the_literal_parts_of_values(template: MakeTemplate) -> None:
    entry = template(
        "_b: '{b}/${runtime_params:r}'\n_s: 's{s}'\n"
        "q: {'{key}': 1, f: '{n}/${runtime_params:x, \"{d}\"}.csv', l: ['${_s}', 2], g: '${_b}/{e}', "
        "h: '${globals:g}'}",
        globals_="g: '{g}'",
    )
    found = "".join(entry.texts())
    assert all(token in found for token in ("{n}", "{d}", ".csv", "s{s}", "{b}", "{e}", "{g}"))
    assert "{key}" not in found


def test_placeholders_are_filled_into_literal_texts_only(template: MakeTemplate) -> None:
    entry = template(
        "_b: '{layer}/${runtime_params:r}'\n"
        "q: {type: '{t}.Dataset', '{n}': 1, f: '${globals:root}/{n}.csv', l: [{m: '{n}'}, 3], "
        "g: '${_b}/{n}', h: '${runtime_params:r}', i: '${runtime_params:none, \"{n}\"}'}",
        globals_="root: data/{layer}",
    )
    filled = entry.substitute({"n": "foo", "layer": "raw", "t": "pandas"})
    assert filled.resolve(attack(r="{n}")) == {
        "type": "pandas.Dataset",
        "{n}": 1,
        "f": "data/raw/foo.csv",
        "l": [{"m": "foo"}, 3],
        "g": "raw/{n}/foo",
        "h": "{n}",
        "i": "foo",
    }
    assert entry.resolve(attack(r=1))["f"] == "data/{layer}/{n}.csv"


def test_placeholders_in_globals_are_filled_beside_a_value_of_the_run(template: MakeTemplate) -> None:
    entry = template("q: {f: '${globals:root}/${runtime_params:r}/{n}'}", globals_="root: data/{layer}")
    filled = entry.substitute({"n": "foo", "layer": "raw"})
    assert filled.resolve(attack(r="{n}")) == {"f": "data/raw/{n}/foo"}


def test_placeholders_in_pairs_are_filled(template: MakeTemplate) -> None:
    entry = template("q: {l: !!omap [a: '{n}', b: '{n}/${runtime_params:r}'], m: !!pairs [c: {d: '{n}'}]}")
    assert {"{n}", "{n}/"} <= set(entry.texts())
    filled = entry.substitute({"n": "foo"})
    assert filled.resolve(attack(r="{n}")) == {"l": [("a", "foo"), ("b", "foo/{n}")], "m": [("c", {"d": "foo"})]}


@pytest.mark.parametrize("pairs", ["path: '${runtime_params:p}'", "a: {path: '${runtime_params:p}'}"])
def test_no_value_of_the_caller_in_a_pair_leads_a_path_elsewhere(template: MakeTemplate, pairs: str) -> None:
    entry = template(f"q: {{type: t, l: !!omap [{pairs}]}}")
    entry.resolve(attack(p="data/a"))
    with pytest.raises(InterpolationResolutionError, match="resolves 'path'"):
        entry.resolve(attack(p="/etc/passwd"))


def test_a_pair_that_refers_to_itself_is_refused(template: MakeTemplate) -> None:
    with pytest.raises(InterpolationResolutionError):
        template("q: {type: t, l: !!omap [a: '${q.l}', b: '${runtime_params:x}']}").resolve(attack(x=1))


def test_a_filled_template_still_restricts_callers(template: MakeTemplate) -> None:
    filled = template("q: {type: '${runtime_params:x}', f: '{n}'}").substitute({"n": "foo"})
    with pytest.raises(InterpolationResolutionError, match="not permitted"):
        filled.resolve(attack(x="a.B"))


@pytest.mark.parametrize(
    "text", ["a}", "{n}}", "}{n}", "{{n}", "{n}{}", "{n.__class__}", "{n[0]}", "{m}", "{n!r}", "{n:>5}"]
)
def test_only_a_known_plain_name_is_accepted_between_braces(template: MakeTemplate, text: str) -> None:
    with pytest.raises(Exception, match=r"Single '[{}]' encountered in format string|is unknown: only"):
        template(f'q: {{f: "{text}"}}').substitute({"n": "foo"})


def test_a_stray_brace_is_a_value_error(template: MakeTemplate) -> None:
    with pytest.raises(ValueError, match="Single '}' encountered in format string"):
        template("q: {f: 'x}'}").substitute({})


@pytest.mark.parametrize(
    ("text", "expected"), [("{a", "{a"), ("{{n}}", "{n}"), ("plain", "plain"), ("{n}{n}", "foofoo")]
)
def test_doubled_braces_become_single_ones(template: MakeTemplate, text: str, expected: str) -> None:
    filled = template(f"q: {{f: '{text}'}}").substitute({"n": "foo"})
    assert filled.resolve(RuntimeParams()) == {"f": expected}

"""The names, the equality and the attributes of nodes."""

import copy
import functools
import hashlib
import pickle
import subprocess
import sys
from typing import Any

import pytest

from kedro_asgi.errors import NodeDefinitionError, NodeSignatureError
from kedro_asgi.pipeline import Node, node


def plain_function(x: Any) -> Any:
    return x


def another(x: Any) -> Any:
    return -x


def pair(x: Any, y: Any) -> Any:
    return x, y


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def test_derived_names_equal_kedros() -> None:
    def f(x: Any) -> Any:
        return x

    def g(x: Any, y: Any) -> Any:
        return x

    f.__module__ = "__main__"

    assert node(f, "a", "b").name == "f__e3cfa66c"
    assert node(functools.partial(g, 1), "a", "b").name == "partial(g)__cc91eb34"


def test_a_derived_name_is_the_function_name_and_a_hash() -> None:
    key = f"{__name__}.plain_function|['a']|['b']"

    assert node(plain_function, "a", "b").name == f"plain_function__{digest(key)}"


@pytest.mark.parametrize(("inputs", "outputs"), [("a", "b"), (["a"], ["b"]), ({"x": "a"}, {"k": "b"})])
def test_a_derived_name_ignores_the_shape_of_the_names(inputs: Any, outputs: Any) -> None:
    assert node(plain_function, inputs, outputs).name == node(plain_function, "a", "b").name


def test_a_derived_name_depends_on_the_order_of_the_parameters() -> None:
    key = f"{__name__}.pair|['a', 'b']|['c']"

    assert node(pair, {"y": "b", "x": "a"}, "c").name == f"pair__{digest(key)}"


def test_a_namespace_comes_before_the_name() -> None:
    assert node(plain_function, "a", "b", name="n", namespace="ns.sub").name == "ns.sub.n"
    assert node(plain_function, "a", "b", namespace="ns").name.startswith("ns.plain_function__")


def test_bound_methods_and_lambdas_have_names() -> None:
    assert node("x".join, "a", "b").name.startswith("join__")
    assert node(lambda x: x, "a", "b").name.startswith("<lambda>__")


def test_the_short_name_is_the_given_name_or_the_function_name_in_title_case() -> None:
    assert node(plain_function, "a", "b", name="my_name", namespace="ns").short_name == "my_name"
    assert node(plain_function, "a", "b").short_name == "Plain Function"
    assert node(functools.partial(pair, 1), "a", "b").short_name == "<Partial>"


@pytest.mark.parametrize(
    ("namespace", "prefixes"), [(None, []), ("", []), ("ns", ["ns"]), ("a.b.c", ["a", "a.b", "a.b.c"])]
)
def test_namespace_prefixes_go_from_the_outermost_in(namespace: str | None, prefixes: list[str]) -> None:
    made = node(plain_function, "a", "b", namespace=namespace)

    assert made.namespace == namespace
    assert made.namespace_prefixes == prefixes


@pytest.mark.parametrize(("confirms", "expected"), [(None, []), ("c", ["c"]), (["c", "d"], ["c", "d"])])
def test_confirms_are_a_list(confirms: Any, expected: list[str]) -> None:
    assert node(plain_function, "a", "b", confirms=confirms).confirms == expected


def test_a_node_returns_copies() -> None:
    made = node(pair, ["a", "b"], ["c", "d"], tags="t")
    made.inputs.append("x")
    made.outputs.clear()
    made.tags.add("u")

    assert (made.inputs, made.outputs, made.tags) == (["a", "b"], ["c", "d"], {"t"})


def test_a_node_keeps_the_given_shapes_of_names() -> None:
    made = node(pair, {"y": "a", "x": "b"}, ["c"], name="n")

    assert (made._inputs, made._outputs, made._name, made._func) == ({"y": "a", "x": "b"}, ["c"], "n", pair)


@pytest.mark.parametrize(
    ("made", "text", "representation"),
    [
        (node(plain_function, "a", "b"), "plain_function([a]) -> [b]", "Node(plain_function, 'a', 'b', None)"),
        (
            node(pair, {"y": "a", "x": "b"}, ["c"], name="n", namespace="ns"),
            "n: pair([b;a]) -> [c]",
            "Node(pair, {'y': 'a', 'x': 'b'}, ['c'], 'n')",
        ),
        (node(lambda: 1, None, ["b", "c"]), "<lambda>(None) -> [b;c]", "Node(<lambda>, None, ['b', 'c'], None)"),
        (node(plain_function, "a", []), "plain_function([a]) -> None", "Node(plain_function, 'a', [], None)"),
        (node(functools.partial(pair, 1), "a", "b"), "<partial>([a]) -> [b]", "Node(<partial>, 'a', 'b', None)"),
    ],
)
def test_a_node_prints_its_function_and_its_datasets(made: Node, text: str, representation: str) -> None:
    assert str(made) == text
    assert repr(made) == representation


def test_name_inputs_and_outputs_make_nodes_equal() -> None:
    made = node(plain_function, "a", "b", name="n")
    twin = node(another, "a", "b", name="n", tags="t", confirms="c")

    assert made == twin
    assert hash(made) == hash(twin)
    assert len({made, twin}) == 1


@pytest.mark.parametrize(
    "other",
    [
        node(plain_function, "a", "b", name="m"),
        node(plain_function, "x", "b", name="n"),
        node(plain_function, "a", "c", name="n"),
        node(plain_function, ["a"], "b", name="n"),
        node(plain_function, "a", "b", name="n", namespace="ns"),
        "n",
    ],
)
def test_other_names_or_shapes_make_nodes_differ(other: object) -> None:
    assert node(plain_function, "a", "b", name="n") != other


def test_the_order_of_dict_items_does_not_make_nodes_differ() -> None:
    assert node(pair, {"x": "a", "y": "b"}, "c") == node(pair, {"y": "b", "x": "a"}, "c")


def test_nodes_sort_by_name_in_code_point_order() -> None:
    nodes = [node(plain_function, "a", f"o{name}", name=name) for name in ["é", "alpha", "Beta", "beta"]]

    assert [made.name for made in sorted(nodes)] == ["Beta", "alpha", "beta", "é"]
    with pytest.raises(TypeError):
        _ = nodes[0] < 3


def test_tagging_makes_another_node() -> None:
    made = node(plain_function, "a", "b", name="n", tags="t", confirms="c", namespace="ns", preview_fn=another)
    tagged = made.tag(["u"])

    assert made.tags == {"t"}
    assert tagged.tags == {"t", "u"}
    assert tagged == made
    assert (tagged.confirms, tagged.namespace, tagged._preview_fn) == (["c"], "ns", another)


def test_the_function_can_be_set() -> None:
    made = node(pair, {"y": "a", "x": "b"}, "c", name="n")
    made.func = lambda y, x: y - x

    assert made.inputs == ["a", "b"]
    assert made.run({"a": 5, "b": 3}) == {"c": 2}


def test_setting_the_function_renames_a_node_but_keeps_its_hash() -> None:
    made = node(plain_function, "a", "b")
    kept = {made: "found"}
    made.func = another

    assert made.name.startswith("another__")
    assert kept[made] == "found"


def test_setting_the_function_updates_the_node() -> None:
    made = node(plain_function, "a", "b", name="n")

    async def later(x: Any) -> Any:
        return x

    made.func = later
    assert made.is_async


def test_a_function_that_is_set_must_accept_the_inputs() -> None:
    made = node(plain_function, "a", "b", name="n")

    with pytest.raises(NodeDefinitionError):
        made.func = "text"  # type: ignore[assignment]
    with pytest.raises(NodeSignatureError):
        made.func = pair
    assert made.run({"a": 1}) == {"b": 1}


@pytest.mark.parametrize("protocol", [2, pickle.HIGHEST_PROTOCOL])
def test_a_node_can_be_pickled(protocol: int) -> None:
    made = node(pair, ["a", "b"], {"k": "c"}, name="n", tags="t", namespace="ns")
    hash(made)
    twin = pickle.loads(pickle.dumps(made, protocol))

    assert twin == made
    assert (twin.func, twin.tags, twin.namespace) == (pair, {"t"}, "ns")
    twin.func = lambda x, y: {"k": x + y}
    assert twin.run({"a": 1, "b": 2}) == {"c": 3}


def test_a_pickled_node_is_found_in_a_process_with_other_hashes() -> None:
    made = node(len, "a", "b", name="n")
    hash(made)
    script = (
        "import pickle, sys; from kedro_asgi.pipeline import node;"
        "made = pickle.load(sys.stdin.buffer); assert {made: 1}[node(len, 'a', 'b', name='n')]"
    )

    subprocess.run([sys.executable, "-c", script], input=pickle.dumps(made), check=True)


def test_a_copy_of_a_node_is_independent() -> None:
    made = node(plain_function, "a", "b", name="n")
    twin = copy.copy(made)
    twin.func = another

    assert made.run({"a": 1}) == {"b": 1}
    assert twin.run({"a": 1}) == {"b": -1}

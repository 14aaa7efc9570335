"""Random nodes and pipelines, most of them valid, and operations on them."""

from typing import Any

from hypothesis import strategies as st

NAMES = ["b", "a", "Zeta", "alpha", "Beta", "n_1", "n-2", "x.y", "é", "k", "last", "M"]
TAGS = ["t1", "t2", "t3"]
NAMESPACES = ["ns", "ns.in", "ns.in.deep", "other"]
PARAMETERS = ["params:lr", "params:model.size", "parameters"]
SOURCES = ["raw", "raw@csv", "rax", "zin"]


def often(draw: st.DrawFn, chance: float) -> bool:
    return draw(st.sampled_from(range(100))) < 100 * chance


def subset(items: list[str], **sizes: int) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(items), unique=True, **sizes)


@st.composite
def shape(draw: st.DrawFn, names: list[str]) -> Any:
    """Draw the same names as a string, a list or a dict."""
    kinds = ["list", "dict"] + ["str"] * (2 * (len(names) == 1)) + ["none"] * (not names)
    match draw(st.sampled_from(kinds)):
        case "str":
            return names[0]
        case "dict":
            keys = draw(st.permutations(range(len(names))))
            return {f"k{key}": name for key, name in zip(keys, names, strict=True)}
        case "none":
            return None
        case _:
            return names


@st.composite
def pipelines(draw: st.DrawFn, letter: str = "d") -> dict[str, Any]:
    """Draw a DAG of up to eight nodes, shuffled, and now and then an invalid one. It writes ``d0``, ``d1``..."""
    free = SOURCES[:1] + SOURCES[2:] if often(draw, 0.96) else SOURCES
    made: list[str] = []
    nodes = []
    names = draw(st.permutations(NAMES))
    for index in range(draw(st.integers(0, 8))):
        inputs = draw(subset([*free, *PARAMETERS, *made, *made], max_size=3))
        outputs = [f"{letter}{index}", f"{letter}{index}b"][
            : draw(st.sampled_from([1, 1, 1, 2, 2, 0 if inputs else 1]))
        ]
        if often(draw, 0.2):
            outputs = [f"{name}@w" for name in outputs]
        nodes.append(
            {
                "func": draw(st.sampled_from(["plain", "ordered", "lambda", "partial", "method"])),
                "inputs": draw(shape(inputs)),
                "outputs": draw(shape(outputs)),
                "name": names[index] if often(draw, 0.9) else None,
                "tags": draw(subset(TAGS)),
                "namespace": draw(st.sampled_from([None, None, *NAMESPACES])),
                "confirms": draw(
                    st.sampled_from([None, None, f"c{letter}{index}", [f"c{index}{letter}", f"e{index}{letter}"]])
                ),
            }
        )
        made += [name.replace("@w", "@r") for name in outputs]
    if len(nodes) > 1 and often(draw, 0.15):
        draw(spoilt(nodes))
    return {"items": draw(st.permutations(nodes))}


@st.composite
def spoilt(draw: st.DrawFn, nodes: list[dict[str, Any]]) -> None:
    first, last = nodes[0], nodes[-1]
    match draw(st.sampled_from(["circle", "output", "name", "confirm", "mixed"])):
        case "circle":
            first["inputs"] = ["d1", "d2"][: len(nodes) - 1]
            nodes[1]["inputs"] = ["d0"]
        case "output":
            last["outputs"] = ["d0"]
        case "name":
            last["name"], last["namespace"] = first["name"], first["namespace"]
        case "confirm":
            first["confirms"] = last["confirms"] = "c"
        case "mixed":
            last["inputs"] = ["d0@other", "d0"]


def used(spec: dict[str, Any], key: str) -> list[str]:
    """Return the names that a pipeline's nodes have under ``key``."""
    names: list[str] = []
    for item in spec["items"]:
        value = item[key]
        names += value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]
    return sorted({name for name in names if name})


def full_names(spec: dict[str, Any]) -> list[str]:
    return [".".join(filter(None, (item["namespace"], item["name"]))) for item in spec["items"] if item["name"]]


@st.composite
def selections(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a pipeline and one or more cuts of it; unknown names are rare."""
    spec = draw(pipelines())
    datasets = sorted({*used(spec, "inputs"), *used(spec, "outputs")})
    bases = sorted({name.partition("@")[0] for name in datasets})
    wrong = draw(st.sampled_from([[], [], [], ["unknown", "raw@no", "k"]]))
    nodes = [*full_names(spec), *wrong] or ["none"]
    names = [*datasets, *bases, *wrong] or ["none"]
    # With repeated and overlapping names, the engines differ on purpose.
    spaces = [*used(spec, "namespace"), *wrong] or ["none"]
    criteria = {
        "tags": subset([*TAGS, "t4"], max_size=2),
        "from_nodes": subset(nodes, max_size=2),
        "to_nodes": subset(nodes, max_size=2),
        "node_names": subset(nodes, max_size=5),
        "from_inputs": subset(names, max_size=2),
        "to_outputs": subset(names, max_size=2),
        "node_namespaces": subset(spaces, max_size=1),
    }
    if often(draw, 0.5):
        chosen = draw(subset(sorted(criteria), min_size=0, max_size=3))
        steps = [("filter", {key: draw(criteria[key]) for key in chosen})]
    else:
        methods = {
            "only_nodes": "node_names",
            "from_nodes": "from_nodes",
            "to_nodes": "to_nodes",
            "from_inputs": "from_inputs",
            "to_outputs": "to_outputs",
            "only_nodes_with_inputs": "from_inputs",
            "only_nodes_with_outputs": "to_outputs",
            "only_nodes_with_tags": "tags",
            "only_nodes_with_namespaces": "node_namespaces",
        }
        method = draw(st.sampled_from(sorted(methods)))
        steps = [("select", (method, draw(criteria[methods[method]])))]
    return {"kind": "pipeline", "pipeline": spec, "steps": steps}


@st.composite
def mappings(draw: st.DrawFn, names: list[str]) -> Any:
    picked = draw(subset(names or ["none"], max_size=2))
    match draw(st.sampled_from(["none", "str", "list", "dict", "dict"])):
        case "none":
            return None
        case "str":
            return picked[0] if picked else None
        case "list":
            return picked
        case _:
            return {name: f"new_{name.replace(':', '_').replace('@', '_')}" for name in picked}


@st.composite
def reuses(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a pipeline that is reused under other names, once or twice."""
    spec = draw(pipelines())
    outputs = used(spec, "outputs")
    inputs = [name for name in used(spec, "inputs") if name.partition("@")[0] in SOURCES]
    bases = [[name.partition("@")[0] for name in names] for names in (inputs, outputs)]
    wrong = ["raz", "d9", "raw@zz", "params:lr"] if often(draw, 0.15) else []
    arguments = {
        "inputs": draw(mappings(sorted({*inputs, *bases[0], *wrong}))),
        "outputs": draw(mappings(sorted({*outputs, *bases[1], *wrong}))),
        "parameters": draw(mappings(["lr", "params:lr", "model.size", "parameters"])),
        "namespace": draw(st.sampled_from([None, "ns", "up", "a.b", ""])),
        "tags": draw(st.sampled_from([None, "t9", ["t8", "t1"]])),
        "prefix_datasets_with_namespace": draw(st.sampled_from([True, True, False])),
    }
    steps = [("reuse", arguments)]
    if often(draw, 0.3):
        steps.append(("reuse", {"namespace": "outer", "tags": ["t7"]}))
    return {"kind": "pipeline", "pipeline": spec, "steps": steps}


@st.composite
def combinations(draw: st.DrawFn) -> dict[str, Any]:
    """Draw two pipelines that may share nodes, combined or nested."""
    left, right = draw(pipelines()), draw(pipelines(draw(st.sampled_from("ddrrr"))))
    shared = draw(st.sampled_from([0, 0, 1, 3]))
    twins = [{**item, "tags": ["twin"]} for item in left["items"][:shared]]
    others = [item for item in right["items"] if item["name"] is None or item["name"] not in used(left, "name")]
    right = {"items": [*twins, *others]}
    if often(draw, 0.2):
        nested = {"items": [left, *right["items"]], "arguments": {"tags": draw(subset(TAGS))}}
        return {"kind": "pipeline", "pipeline": nested, "steps": [("tag", draw(subset(TAGS)))]}
    step = draw(st.sampled_from(["add", "or", "and", "sub", "sum"]))
    return {"kind": "pipeline", "pipeline": left, "steps": [(step, right)]}


@st.composite
def definitions(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a node of any arguments, valid or not."""
    names = ["a", "b", "c@x", "params:p", "d"] + (["a", "c@y", "e@f@g", ""] if often(draw, 0.2) else [])
    many = st.lists(st.sampled_from(names), max_size=3, unique=often(draw, 0.9)).flatmap(shape)
    odd = st.sampled_from([{"$tuple": ["a"]}, 7, [1], {"a": 2}])
    side = st.one_of(many, odd) if often(draw, 0.1) else many
    functions = ["plain", "ordered", "lambda", "partial", "method", "plain", "ordered"]
    function = draw(st.sampled_from([*functions, "snake_case", "one", "two", "object", "builtin", "text"]))
    # Kedro notices later than for other functions that a builtin does not accept its inputs.
    may_be_wrong = function != "builtin" and often(draw, 0.3)
    node = {
        "func": function,
        "inputs": draw(side),
        "outputs": draw(side if often(draw, 0.1) else subset(["o", "p", "q@z"], max_size=2).flatmap(shape)),
        "name": draw(st.sampled_from([None, "n", "a.b-c_d", "é", "", "bad name" if may_be_wrong else "m"])),
        "tags": draw(st.sampled_from([None, "t", ["t", "u"], "b d" if may_be_wrong else []])),
        "confirms": draw(st.sampled_from([None, "c", ["c", "d"]])),
        "namespace": draw(st.sampled_from([None, None, "ns", "ns.in"])),
    }
    return {"kind": "node", "node": node}


@st.composite
def calls(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a node, the inputs of its run, and the value of its function; mostly they fit."""
    inputs = draw(subset(["a", "b", "c"], max_size=3).flatmap(shape))
    outputs = draw(subset(["x", "y", "z"], min_size=0 if inputs else 1, max_size=3).flatmap(shape))
    wanted = inputs.values() if isinstance(inputs, dict) else [inputs] if isinstance(inputs, str) else inputs or []
    fits = often(draw, 0.8)
    data = dict.fromkeys(wanted, 1) if fits else draw(st.dictionaries(st.sampled_from("abcd"), st.integers()))
    value = draw(results(outputs)) if often(draw, 0.7) else draw(results(["x"] * draw(st.integers(0, 3))))
    if often(draw, 0.05):
        data = draw(st.sampled_from([None, [1], "a"]))
    return {"kind": "run", "inputs": inputs, "outputs": outputs, "data": data, "returns": value}


@st.composite
def results(draw: st.DrawFn, outputs: Any) -> Any:
    match outputs:
        case dict():
            fitting: Any = {key: draw(st.integers()) for key in outputs}
        case list():
            fitting = [draw(st.integers()) for _ in outputs]
            fitting = {"$tuple": fitting} if often(draw, 0.3) else fitting
        case None:
            fitting = draw(st.sampled_from([None, None, 3]))
        case _:
            fitting = draw(st.one_of(st.none(), st.integers(), st.just([1, 2]), st.just({"k": 1})))
    if often(draw, 0.2) and not (isinstance(fitting, dict) and "$tuple" in fitting):
        # With an empty generator, the engines differ on purpose.
        return {"$chunks": [fitting] * draw(st.integers(1, 3))}
    return fitting

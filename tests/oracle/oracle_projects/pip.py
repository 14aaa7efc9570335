"""PIP: nodes and pipelines; their rules one by one, and a project of reused parts that runs in slices."""

import textwrap
from typing import Any

from both_engines.cases import Case, Deviation, Project, Run, Script, project_files

_MADE = """
from functools import partial
from kedro.pipeline import Node, Pipeline, node, pipeline

def f(x):
    return x

def g(x, y):
    return x, y

def view(made):
    return [[n.name, n.inputs, n.outputs, sorted(n.tags), n.namespace] for n in made.nodes]

def chain():
    return Pipeline([
        node(f, "in", "a", name="a", tags="t1"),
        node(f, "a", "b", name="b"),
        node(f, "a", "c", name="c", tags=["t1", "t2"]),
        node(g, ["b", "c"], ["d", "d2"], name="d"),
        node(f, "zin", "e", name="e", namespace="ns.in"),
    ])
"""


def _made(rule: str, name: str, body: str, **facts: Any) -> Case:
    """A case on nodes and pipelines."""
    facts = {"compare": ("value", "error"), **facts}
    return Case(rule=rule, name=name, call=Script(body=_MADE + textwrap.dedent(body)), **facts)


_INVALID = "Invalid Node definition"

NODES = (
    _made(
        "PIP-3", "no function", "node('f', 'a', 'b')", says=(_INVALID, "first argument must be a function, not 'str'.")
    ),
    _made(
        "PIP-3",
        "inputs that are a tuple",
        "node(f, ('a',), 'b')",
        says=(_INVALID, "'inputs' type must be one of [String, List, Dict, None], not 'tuple'."),
    ),
    _made(
        "PIP-3",
        "outputs that are a set",
        "node(f, 'a', {'b'})",
        says=(_INVALID, "'outputs' type must be one of [String, List, Dict, None], not 'set'."),
    ),
    _made("PIP-3", "a name that is a number", "node(g, ['a', 1], 'b')", says=("must be of 'String' type",)),
    *(
        _made(
            "PIP-3",
            f"neither in nor out: {empty}",
            f"node(lambda: 1, {empty}, {empty})",
            says=("it must have some 'inputs' or 'outputs'.",),
        )
        for empty in ("None", "[]", "''")
    ),
    _made(
        "PIP-4",
        "inputs that do not fit",
        "node(g, 'a', 'b')",
        says=("Inputs of 'g' function expected ['x', 'y'], but got a",),
    ),
    _made(
        "PIP-4",
        "names that do not fit",
        "node(g, {'x': 'a', 'z': 'b'}, 'c')",
        says=("Inputs of 'g' function expected ['x', 'y'], but got",),
    ),
    _made(
        "PIP-5",
        "an output twice",
        "node(f, 'a', ['b', 'b'])",
        says=("due to duplicate output(s) {'b'}.\nNode outputs must be unique.",),
    ),
    _made("PIP-5", "an input twice", "return node(g, ['a', 'a'], 'b').run({'a': 1})"),
    _made(
        "PIP-6",
        "in and out",
        "node(g, ['a@x', 'b'], 'a@y')",
        says=("A node cannot have the same inputs and outputs even if they are transcoded: {'a'}",),
    ),
    _made("PIP-7", "two separators", "node(f, 'a@x@y', 'b')"),
    *(
        _made(
            "PIP-8",
            f"the name {name!r}",
            f"return node(f, 'a', 'b', name={name!r}).name",
            says=("is not a valid node name",) if " " in name else (),
        )
        for name in ("a.b-c_d", "é1", "", "bad name")
    ),
    _made(
        "PIP-8",
        "a name with a newline behind it",
        "return node(f, 'a', 'b', name='n\\n').name",
        deviation=Deviation(
            why="Q-24", ours={"value": None, "error": "ValueError", "message": "is not a valid node name"}
        ),
    ),
    _made("PIP-9", "a tag with a space", "node(f, 'a', 'b', tags='x y')", says=("'x y' is not a valid node tag.",)),
    _made("PIP-10", "dots that are no namespace", "node(f, 'x.a', 'b')", compare=("value", "error")),
    _made("PIP-11", "parameters as outputs", "return node(f, 'a', 'params:z').outputs"),
    _made(
        "PIP-12",
        "names of nodes without one",
        """
def named(x): return x
named.__module__ = "mod"
return [
    node(named, "a", "b").name, node(named, ["a"], ["b"]).name, node(named, {"x": "a"}, "b").name,
    node(partial(g, 1), "a", "b", namespace="ns.sub").name, node(partial(partial(g, 1), 2), None, "b").name,
]
""",
    ),
    _made(
        "PIP-13",
        "a callable without a name",
        """
        class C:
            def __call__(self, x): return x
        node(C(), 'a', 'b').name
        """,
        says=("'C' object has no attribute '__name__'",),
    ),
    _made(
        "PIP-13",
        "a bound method",
        """
        class C:
            def m(self, x): return x
        return node(C().m, 'a', 'b', name='n').run({'a': 1})
        """,
    ),
    _made(
        "PIP-14",
        "equality and order",
        """
        a, b = node(f, 'a', 'b', name='n', tags='t'), node(lambda x: 2, 'a', 'b', name='n')
        return [a == b, hash(a) == hash(b), a < node(f, 'a', 'b', name='o'), a == node(f, 'a', 'c', name='n'), a == 5]
        """,
    ),
    _made(
        "PIP-15",
        "texts",
        """
        return [
            str(n)
            for n in (
                node(g, ["a", "b"], ["c"], name="n"),
                node(f, "a", None),
                node(lambda: 1, None, "b"),
                node(g, {"x": "a", "y": "b"}, {"k": "c"}),
            )
        ] + [repr(node(f, "a", "b", name="n"))]
        """,
    ),
    _made(
        "PIP-16",
        "attributes",
        """
        n = node(g, {"y": "b", "x": "a"}, ["c", "d"], name="n", tags="t", confirms="k", namespace="p.q")
        return [
            n.name,
            n.short_name,
            n.namespace,
            n.inputs,
            n.outputs,
            n.confirms,
            sorted(n.tags),
            n.namespace_prefixes,
            node(f, "a", "b").short_name,
            sorted(n.tag(["u"]).tags),
            n.tag("u") is n,
        ]
        """,
    ),
    _made(
        "PIP-16",
        "a function that is set",
        """
        n = node(f, 'a', 'b')
        n.func = lambda x: x + 1
        return n.run({'a': 1})
        """,
    ),
    _made(
        "PIP-17",
        "inputs by keyword",
        """
        def h(z, *rest, y=1, **more): return [z, rest, y, more]
        return node(h, {'m': 'a', 'y': 'b', 'z': 'c'}, 'o').run({'a': 1, 'b': 2, 'c': 3})
        """,
    ),
    _made(
        "PIP-18",
        "other inputs than declared",
        """
        n = node(g, ['a', 'c'], 'b', name='n')
        return [project.raised(n.run, data) for data in ({'a': 1}, {}, None, [1], {'a': 1, 'c': 2, 'd': 3})]
        """,
    ),
    _made(
        "PIP-18",
        "inputs where there are none",
        "return [project.raised(node(lambda: 1, None, 'b', name='n').run, data) for data in (None, {}, {'a': 1})]",
    ),
    *(
        _made(
            "PIP-19",
            f"{outputs} of {result}",
            f"return node(lambda: {result}, None, {outputs}, name='n').run()",
            says=says,
        )
        for outputs, result, says in (
            (
                "['b', 'c']",
                "[1]",
                ("The node function returned 1 output(s), whereas the node definition contains 2 output(s).",),
            ),
            (
                "['b', 'c']",
                "5",
                (
                    "The node definition contains a list of outputs ['b', 'c'], whereas",
                    "the node function returned a 'int'.",
                ),
            ),
            ("['b']", "5", ("whereas the node function returned a 'int'.",)),
            ("['b', 'c']", "{1, 2}", ("whereas the node function returned a 'set'.",)),
            ("['b', 'c']", "(1, [2])", ()),
            ("{'k': 'b'}", "{'k': 1}", ()),
            ("{'k': 'b'}", "{'l': 1}", ("The node's output keys", "do not match with the returned output's keys")),
            ("{'k': 'b'}", "[1]", ("dictionary", "list")),
            ("'b'", "None", ()),
        )
    ),
    _made(
        "PIP-20",
        "generators",
        """
        def gen(n):
            for i in range(n): yield i, 10 * i
        single = node(gen, 'a', 'b').run({'a': 2})
        many = node(gen, 'a', ['b', 'c']).run({'a': 2})
        return [list(single['b']), list(many['b']), list(many['c'])]
        """,
    ),
    _made(
        "PIP-20",
        "an empty generator",
        """
        def gen(n):
            yield from ()
        return [list(v) for v in node(gen, 'a', ['b', 'c']).run({'a': 2}).values()]
        """,
        deviation=Deviation(why="Q-25", ours={"value": [[], []], "error": None}),
    ),
    _made(
        "PIP-21",
        "what a function raises passes and is told",
        """
        def bad(x): raise LookupError('no luck')
        node(bad, 'a', 'b', name='n').run({'a': 1})
        """,
        logs=("failed with error",),
    ),
)

PIPELINES = (
    _made("PIP-22", "none", "Pipeline(None)", says=("'nodes' argument of 'Pipeline' is None.",)),
    _made("PIP-22", "an item that is no node", "Pipeline([5])", says=("'int' object has no attribute",)),
    _made("PIP-22", "nothing", "p = Pipeline([])\nreturn [p.nodes, p.inputs(), bool(p)]"),
    _made(
        "PIP-23",
        "a name of two nodes",
        "Pipeline([node(f, 'a', 'b', name='n1'), node(f, 'b', 'c', name='n1')])",
        says=(
            "Pipeline nodes must have unique names. The following node names appear more than once:",
            "\n\nFree nodes:\n  - n1\n",
        ),
    ),
    _made(
        "PIP-24",
        "an output of two nodes",
        "Pipeline([node(f, 'a', 'b@x', name='n1'), node(f, 'c', 'b@y', name='n2')])",
        says=("Output(s) ['b'] are returned by more than one nodes.",),
    ),
    _made(
        "PIP-24",
        "confirmed twice",
        "Pipeline([node(f, 'a', 'b', name='n1', confirms='k'), node(f, 'c', 'd', name='n2', confirms='k')])",
        says=("['k'] datasets are confirmed by more than one node.",),
    ),
    _made(
        "PIP-25",
        "a circle",
        "Pipeline([node(f, 'a', 'b', name='n1'), node(f, 'b', 'a', name='n2')])",
        says=("Circular dependencies exist among the following 2 item(s): [",),
    ),
    _made(
        "PIP-26",
        "with and without a format",
        "Pipeline([node(f, 'a', 'b@x', name='n1'), node(f, 'b', 'c', name='n2')])",
        says=("The following datasets are used with transcoding, but were referenced without the separator: b.",),
    ),
    _made(
        "PIP-27",
        "tags of all",
        """
    p = Pipeline([chain()], tags=['all'])
    return [view(p), view(chain())]
    """,
    ),
    _made(
        "PIP-28",
        "a namespace that is left and entered again",
        """
        import warnings

        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            Pipeline(
                [
                    node(f, "a", "b", name="x", namespace="n1"),
                    node(f, "b", "c", name="mid"),
                    node(f, "c", "d", name="y", namespace="n1"),
                ]
            )
        return [str(w.message) for w in caught if "interrupted" in str(w.message)]
        """,
    ),
    _made(
        "PIP-30",
        "layers",
        """
        p = chain()
        return [
            [[n.name for n in layer] for layer in p.grouped_nodes],
            [n.name for n in Pipeline([node(f, "q", "r", name="alpha"), node(f, "q", "s", name="Beta")]).nodes],
        ]
        """,
    ),
    _made(
        "PIP-31",
        "parents, by base names",
        """
        p = Pipeline([node(f, 'a', 'b@x', name='n1'), node(f, 'b@y', 'c', name='n2')])
        return {n.name: sorted(d.name for d in parents) for n, parents in p.node_dependencies.items()}
        """,
    ),
    _made(
        "PIP-32",
        "datasets",
        """
        p = Pipeline([node(g, ['a', 'params:p'], 'b@x', name='n1'), node(f, 'b@y', 'c', name='n2')])
        return [p.inputs(), p.outputs(), p.datasets(), p.all_inputs(), p.all_outputs()]
        """,
    ),
    _made(
        "PIP-33",
        "operators",
        """
        p, q = Pipeline(chain().nodes[:3]), Pipeline(chain().nodes[2:])
        return [
            view(p + q),
            view(p | q),
            view(p & q),
            view(p - q),
            view(sum([p, q])),
            project.raised(lambda: 5 + p)["error"],
            project.raised(lambda: p + 5)["error"],
        ]
        """,
    ),
    _made(
        "PIP-33",
        "the same name of another node",
        "Pipeline([node(f, 'a', 'b', name='n')]) + Pipeline([node(f, 'c', 'd', name='n')])",
        says=("Pipeline nodes must have unique names.",),
    ),
    _made(
        "PIP-34",
        "text and json",
        """
        import json
        p = chain()
        data = json.loads(p.to_json())
        for entry in data['pipeline']: entry['tags'].sort()
        return [p.describe(), p.describe(names_only=False).count('\\n'), data, view(p.tag('more'))]
        """,
    ),
    _made(
        "PIP-35",
        "groups",
        "return [[vars(group) for group in chain().group_nodes_by(by)] for by in ('namespace', None, 'none')]",
    ),
    _made("PIP-35", "an unknown grouping", "chain().group_nodes_by('zz')", says=("Unsupported group_by strategy: zz",)),
)

_CUTS = (
    ("PIP-36", "only_nodes('a', 'd')"),
    ("PIP-36", "only_nodes('q')"),
    ("PIP-36", "only_nodes('e')"),
    ("PIP-37", "from_nodes('b')"),
    ("PIP-37", "to_nodes('b', 'ns.in.e')"),
    ("PIP-38", "from_inputs('a')"),
    ("PIP-38", "from_inputs('Q', 'P')"),
    ("PIP-38", "from_inputs('d')"),
    ("PIP-39", "to_outputs('b')"),
    ("PIP-39", "to_outputs('in')"),
    ("PIP-40", "only_nodes_with_inputs('a')"),
    ("PIP-40", "only_nodes_with_outputs('d2', 'a')"),
    ("PIP-40", "only_nodes_with_tags('t2', 'zz')"),
    ("PIP-40", "only_nodes_with_tags()"),
    ("PIP-41", "only_nodes_with_namespaces(['ns'])"),
    ("PIP-41", "only_nodes_with_namespaces(['ns.i'])"),
    ("PIP-43", "filter(node_names=['a', 'd'], from_inputs=['in'])"),
    ("PIP-43", "filter(from_nodes=['b'], to_nodes=['d'])"),
    ("PIP-43", "filter(tags=['t1'], to_outputs=['c'], from_nodes=[], node_namespaces=None)"),
    ("PIP-44", "filter(tags=['zz'])"),
)
SELECTION = (
    *(
        _made(rule, cut, f"return view(chain().{cut})", says=_says)
        for rule, cut in _CUTS
        for _says in [("Pipeline contains no nodes after applying all provided filters",) if "zz'])" in cut else ()]
    ),
    _made(
        "PIP-44",
        "filtering nothing",
        "Pipeline([]).filter()",
        says=("Pipeline contains no nodes after applying all provided filters.",),
    ),
    _made(
        "PIP-36",
        "a name twice",
        "return view(chain().only_nodes('a', 'a'))",
        deviation=Deviation(why="Q-26", ours={"value": [["a", ["in"], ["a"], ["t1"], None]], "error": None}),
    ),
    _made(
        "PIP-45",
        "a bare text",
        "return view(chain().filter(tags='t2'))",
        deviation=Deviation(why="Q-26", ours={"value": [["c", ["a"], ["c"], ["t1", "t2"], None]], "error": None}),
    ),
    _made(
        "PIP-42",
        "transcoded names",
        """
        p = Pipeline([node(f, "a", "x@w", name="w"), node(f, "x@r", "b", name="r"), node(f, "x@s", "c", name="s")])
        return [
            view(p.from_inputs("x")),
            view(p.from_inputs("x@r")),
            project.raised(p.from_inputs, "x@zz"),
            view(p.to_outputs("x")),
            view(p.to_outputs("x@r")),
        ]
        """,
    ),
)

_BASE = """
base = Pipeline([
    node(g, ["raw", "params:lr"], "mid", name="one"),
    node(f, "mid", "out", name="two", confirms="mid"),
    node(f, "parameters", "all", name="three"),
])
"""


def _reused(rule: str, name: str, body: str, **facts: Any) -> Case:
    """A case on a pipeline that is put under other names."""
    return _made(rule, name, _BASE + textwrap.dedent(body), **facts)


REUSE = (
    _reused(
        "PIP-47",
        "a namespace",
        "return [view(pipeline(base, namespace='ns')), view(pipeline(pipeline(base, namespace='in'), namespace='up'))]",
    ),
    _reused(
        "PIP-46",
        "kept and renamed",
        """
        return view(
            pipeline(
                base,
                inputs={"raw": "other"},
                outputs="out",
                parameters={"lr": "learning"},
                namespace="ns",
                tags=["x"],
            )
        )
        """,
    ),
    _reused(
        "PIP-50",
        "parameters with and without their prefix",
        """
        return [
            view(pipeline(base, parameters=p, namespace="ns"))
            for p in ("lr", "params:lr", {"params:lr"}, {"lr": "params:rate"}, {"params:lr": "rate"})
        ]
        """,
    ),
    _reused(
        "PIP-48",
        "inputs that are outputs",
        "pipeline(base, inputs='mid', namespace='ns')",
        says=("Inputs must not be outputs from another node in the same pipeline",),
    ),
    _reused(
        "PIP-48",
        "outputs that are inputs",
        "pipeline(base, outputs='raw', namespace='ns')",
        says=("All outputs must be generated by some node within the pipeline",),
    ),
    _reused(
        "PIP-48",
        "outputs that lie between",
        "return view(pipeline(base, outputs={'mid': 'shown'}, namespace='ns'))",
    ),
    _reused(
        "PIP-48",
        "parameters as inputs",
        "pipeline(base, inputs='params:lr', namespace='ns')",
        says=("Parameters should be specified in the 'parameters' argument",),
    ),
    _reused(
        "PIP-49",
        "an unknown name",
        "pipeline(base, inputs='rw', namespace='ns')",
        says=(
            "Failed to map datasets and/or parameters onto the nodes provided: rw does not exist in the pipeline.",
            " - did you mean one of these instead: raw",
        ),
    ),
    _made(
        "PIP-51",
        "transcoding",
        """
        p = Pipeline([node(f, "d@p", "o", name="n")])
        return [
            view(pipeline(p, inputs=i, namespace=ns))
            for i, ns in (({"d": "DD"}, None), ({"d@p": "DD@z"}, None), (None, "ns"))
        ]
        """,
    ),
    _reused(
        "PIP-52",
        "names of datasets that stay",
        "return view(pipeline(base, namespace='ns', inputs={'raw': 'r2'}, prefix_datasets_with_namespace=False))",
    ),
)

RULES = Project(name="pip", files={}, cases=(*NODES, *PIPELINES, *SELECTION, *REUSE))

_REGISTRY = """
from kedro.pipeline import Pipeline, node, pipeline

def scaled(x, by):
    return x * by

def shifted(x):
    return x + 1

def joined(*parts):
    return {"parts": list(parts)}

def register_pipelines():
    part = Pipeline(
        [
            node(scaled, ["raw", "params:by"], "mid", name="scale", tags=["first"]),
            node(shifted, "mid", "out", name="shift", tags=["second"]),
        ]
    )
    left = pipeline(part, namespace="left", inputs={"raw": "source"}, outputs={"out": "left_out"})
    right = pipeline(
        part, namespace="right", inputs={"raw": "source"}, outputs={"out": "right_out"}, parameters={"by": "by"}
    )
    deep = pipeline(left, namespace="deep", inputs="source", tags=["deep"])
    last = Pipeline([node(joined, ["left_out", "right_out"], "report", name="join", tags=["second"])])
    return {"__default__": left + right + last, "left": left, "right": right, "deep": deep, "nothing": Pipeline([])}
"""


def _slice(rule: str, name: str, arguments: dict[str, Any], **facts: Any) -> Case:
    return Case(rule=rule, name=name, call=Run(arguments=arguments), **facts)


SLICES = Project(
    name="slices",
    files=project_files(
        _REGISTRY,
        {
            "conf/base/parameters.yml": "by: 3\nleft: {by: 10}\ndeep: {left: {by: 100}}\nright: {by: 99}",
            "conf/base/catalog.yml": """
            source: {type: MemoryDataset, data: 5}
            left.mid: {type: json.JSONDataset, filepath: data/left_mid.json}
            report: {type: json.JSONDataset, filepath: data/report.json}
            """,
        },
    ),
    cases=(
        _slice("PIP-47", "reused parts", {}),
        _slice("PIP-47", "a part in a part", {"pipeline_names": ["deep"]}),
        _slice("SES-7", "the union of several", {"pipeline_names": ["left", "right"]}),
        _slice("SES-7", "no names are the default", {"pipeline_names": []}),
        _slice("PIP-43", "by tags", {"tags": ["first"]}),
        _slice("PIP-43", "by namespaces", {"namespaces": ["right"]}),
        _slice("PIP-43", "by node names", {"node_names": ["left.scale", "right.scale"]}),
        _slice("PIP-43", "from and to nodes", {"from_nodes": ["left.scale"], "to_nodes": ["left.shift"]}),
        _slice("PIP-43", "to outputs", {"to_outputs": ["right_out"]}),
        _slice(
            "PIP-43",
            "from inputs that are saved",
            {"from_inputs": ["left.mid"], "to_outputs": ["left_out"]},
            files={"data/left_mid.json": "7"},
        ),
        _slice(
            "PIP-43",
            "several filters",
            {"tags": ["second"], "to_outputs": ["left_out"]},
            says=("Failed while loading data from dataset",),
        ),
        _slice(
            "PIP-44",
            "nothing is left",
            {"tags": ["first"], "node_names": ["join"]},
            says=("Pipeline contains no nodes after applying all provided filters",),
        ),
        _slice(
            "PIP-44",
            "nothing to begin with",
            {"pipeline_names": ["nothing"]},
            says=("Pipeline contains no nodes after applying all provided filters",),
        ),
        _slice(
            "PIP-36",
            "a node in a namespace by its short name",
            {"node_names": ["scale"]},
            says=("Pipeline does not contain nodes named ['scale']. Did you mean: ['", "left.scale"),
        ),
        _slice("PIP-41", "an unknown namespace", {"namespaces": ["zz"]}),
        _slice("PIP-38", "an unknown dataset", {"from_inputs": ["zz"]}),
        _slice(
            "RUN-8",
            "a slice that lacks inputs",
            {"from_nodes": ["join"]},
            says=("Pipeline input(s) {", "} not found in the DataCatalogWithCatalogCommandsMixin"),
        ),
    ),
    varied={"by": (1, 2, 3), "left": ({"by": 4}, {"by": 5})},
)

PROJECTS = (RULES, SLICES)

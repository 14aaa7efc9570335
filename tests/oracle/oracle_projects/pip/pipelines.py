"""Pipelines and their selection (PIP-22 to PIP-45)."""

from both_engines.cases import Deviation

from oracle_projects.pip.cases import made

PIPELINES = (
    made("PIP-22", "none", "Pipeline(None)", says=("'nodes' argument of 'Pipeline' is None.",)),
    made("PIP-22", "an item that is no node", "Pipeline([5])", says=("'int' object has no attribute",)),
    made("PIP-22", "nothing", "p = Pipeline([])\nreturn [p.nodes, p.inputs(), bool(p)]"),
    made(
        "PIP-23",
        "a name of two nodes",
        "Pipeline([node(f, 'a', 'b', name='n1'), node(f, 'b', 'c', name='n1')])",
        says=(
            "Pipeline nodes must have unique names. The following node names appear more than once:",
            "\n\nFree nodes:\n  - n1\n",
        ),
    ),
    made(
        "PIP-24",
        "an output of two nodes",
        "Pipeline([node(f, 'a', 'b@x', name='n1'), node(f, 'c', 'b@y', name='n2')])",
        says=("Output(s) ['b'] are returned by more than one nodes.",),
    ),
    made(
        "PIP-24",
        "confirmed twice",
        "Pipeline([node(f, 'a', 'b', name='n1', confirms='k'), node(f, 'c', 'd', name='n2', confirms='k')])",
        says=("['k'] datasets are confirmed by more than one node.",),
    ),
    made(
        "PIP-25",
        "a circle",
        "Pipeline([node(f, 'a', 'b', name='n1'), node(f, 'b', 'a', name='n2')])",
        says=("Circular dependencies exist among the following 2 item(s): [",),
    ),
    made(
        "PIP-26",
        "with and without a format",
        "Pipeline([node(f, 'a', 'b@x', name='n1'), node(f, 'b', 'c', name='n2')])",
        says=("The following datasets are used with transcoding, but were referenced without the separator: b.",),
    ),
    made(
        "PIP-27",
        "tags of all",
        """
    p = Pipeline([chain()], tags=['all'])
    return [view(p), view(chain())]
    """,
    ),
    made(
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
    made(
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
    made(
        "PIP-31",
        "parents, by base names",
        """
        p = Pipeline([node(f, 'a', 'b@x', name='n1'), node(f, 'b@y', 'c', name='n2')])
        return {n.name: sorted(d.name for d in parents) for n, parents in p.node_dependencies.items()}
        """,
    ),
    made(
        "PIP-32",
        "datasets",
        """
        p = Pipeline([node(g, ['a', 'params:p'], 'b@x', name='n1'), node(f, 'b@y', 'c', name='n2')])
        return [p.inputs(), p.outputs(), p.datasets(), p.all_inputs(), p.all_outputs()]
        """,
    ),
    made(
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
    made(
        "PIP-33",
        "the same name of another node",
        "Pipeline([node(f, 'a', 'b', name='n')]) + Pipeline([node(f, 'c', 'd', name='n')])",
        says=("Pipeline nodes must have unique names.",),
    ),
    made(
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
    made(
        "PIP-35",
        "groups",
        "return [[vars(group) for group in chain().group_nodes_by(by)] for by in ('namespace', None, 'none')]",
    ),
    made("PIP-35", "an unknown grouping", "chain().group_nodes_by('zz')", says=("Unsupported group_by strategy: zz",)),
    made(
        "PIP-29",
        "what a pipeline is not",
        """
        p, q = chain(), chain()
        return [hasattr(p, "__len__"), p == q, p == p, bool(Pipeline([]))]
        """,
    ),
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
        made(rule, cut, f"return view(chain().{cut})", says=_says)
        for rule, cut in _CUTS
        for _says in [("Pipeline contains no nodes after applying all provided filters",) if "zz'])" in cut else ()]
    ),
    made(
        "PIP-44",
        "filtering nothing",
        "Pipeline([]).filter()",
        says=("Pipeline contains no nodes after applying all provided filters.",),
    ),
    made(
        "PIP-36",
        "a name twice",
        "return view(chain().only_nodes('a', 'a'))",
        deviation=Deviation(why="Q-26", ours={"value": [["a", ["in"], ["a"], ["t1"], None]], "error": None}),
    ),
    made(
        "PIP-45",
        "a bare text",
        "return view(chain().filter(tags='t2'))",
        deviation=Deviation(why="Q-26", ours={"value": [["c", ["a"], ["c"], ["t1", "t2"], None]], "error": None}),
    ),
    made(
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

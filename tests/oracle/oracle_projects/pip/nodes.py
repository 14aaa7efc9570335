"""Nodes (PIP-1 to PIP-21)."""

from both_engines.cases import Deviation

from oracle_projects.pip.cases import made

_INVALID = "Invalid Node definition"

NODES = (
    made(
        "PIP-3", "no function", "node('f', 'a', 'b')", says=(_INVALID, "first argument must be a function, not 'str'.")
    ),
    made(
        "PIP-2 PIP-3",
        "inputs that are a tuple",
        "node(f, ('a',), 'b')",
        says=(_INVALID, "'inputs' type must be one of [String, List, Dict, None], not 'tuple'."),
    ),
    made(
        "PIP-3",
        "outputs that are a set",
        "node(f, 'a', {'b'})",
        says=(_INVALID, "'outputs' type must be one of [String, List, Dict, None], not 'set'."),
    ),
    made("PIP-3", "a name that is a number", "node(g, ['a', 1], 'b')", says=("must be of 'String' type",)),
    *(
        made(
            "PIP-3",
            f"neither in nor out: {empty}",
            f"node(lambda: 1, {empty}, {empty})",
            says=("it must have some 'inputs' or 'outputs'.",),
        )
        for empty in ("None", "[]", "''")
    ),
    made(
        "PIP-4",
        "inputs that do not fit",
        "node(g, 'a', 'b')",
        says=("Inputs of 'g' function expected ['x', 'y'], but got a",),
    ),
    made(
        "PIP-4",
        "names that do not fit",
        "node(g, {'x': 'a', 'z': 'b'}, 'c')",
        says=("Inputs of 'g' function expected ['x', 'y'], but got",),
    ),
    made(
        "PIP-5",
        "an output twice",
        "node(f, 'a', ['b', 'b'])",
        says=("due to duplicate output(s) {'b'}.\nNode outputs must be unique.",),
    ),
    made("PIP-5", "an input twice", "return node(g, ['a', 'a'], 'b').run({'a': 1})"),
    made(
        "PIP-6",
        "in and out",
        "node(g, ['a@x', 'b'], 'a@y')",
        says=("A node cannot have the same inputs and outputs even if they are transcoded: {'a'}",),
    ),
    made("PIP-7", "two separators", "node(f, 'a@x@y', 'b')"),
    *(
        made(
            "PIP-8",
            f"the name {name!r}",
            f"return node(f, 'a', 'b', name={name!r}).name",
            says=("is not a valid node name",) if " " in name else (),
        )
        for name in ("a.b-c_d", "é1", "", "bad name")
    ),
    made(
        "PIP-8",
        "a name with a newline behind it",
        "return node(f, 'a', 'b', name='n\\n').name",
        deviation=Deviation(
            why="Q-24", ours={"value": None, "error": "ValueError", "message": "is not a valid node name"}
        ),
    ),
    made("PIP-9", "a tag with a space", "node(f, 'a', 'b', tags='x y')", says=("'x y' is not a valid node tag.",)),
    made("PIP-10", "dots that are no namespace", "node(f, 'x.a', 'b')", compare=("value", "error")),
    made("PIP-11", "parameters as outputs", "return node(f, 'a', 'params:z').outputs"),
    made(
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
    made(
        "PIP-13",
        "a callable without a name",
        """
        class C:
            def __call__(self, x): return x
        node(C(), 'a', 'b').name
        """,
        says=("'C' object has no attribute '__name__'",),
    ),
    made(
        "PIP-13",
        "a bound method",
        """
        class C:
            def m(self, x): return x
        return node(C().m, 'a', 'b', name='n').run({'a': 1})
        """,
    ),
    made(
        "PIP-14",
        "equality and order",
        """
        a, b = node(f, 'a', 'b', name='n', tags='t'), node(lambda x: 2, 'a', 'b', name='n')
        return [a == b, hash(a) == hash(b), a < node(f, 'a', 'b', name='o'), a == node(f, 'a', 'c', name='n'), a == 5]
        """,
    ),
    made(
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
    made(
        "PIP-1 PIP-16",
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
    made(
        "PIP-16",
        "a function that is set",
        """
        n = node(f, 'a', 'b')
        n.func = lambda x: x + 1
        return n.run({'a': 1})
        """,
    ),
    made(
        "PIP-17",
        "inputs by keyword",
        """
        def h(z, *rest, y=1, **more): return [z, rest, y, more]
        return node(h, {'m': 'a', 'y': 'b', 'z': 'c'}, 'o').run({'a': 1, 'b': 2, 'c': 3})
        """,
    ),
    made(
        "PIP-18",
        "other inputs than declared",
        """
        n = node(g, ['a', 'c'], 'b', name='n')
        return [project.raised(n.run, data) for data in ({'a': 1}, {}, None, [1], {'a': 1, 'c': 2, 'd': 3})]
        """,
    ),
    made(
        "PIP-18",
        "inputs where there are none",
        "return [project.raised(node(lambda: 1, None, 'b', name='n').run, data) for data in (None, {}, {'a': 1})]",
    ),
    *(
        made(
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
    made(
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
    made(
        "PIP-20",
        "an empty generator",
        """
        def gen(n):
            yield from ()
        return [list(v) for v in node(gen, 'a', ['b', 'c']).run({'a': 2}).values()]
        """,
        deviation=Deviation(why="Q-25", ours={"value": [[], []], "error": None}),
    ),
    made(
        "PIP-21",
        "what a function raises passes and is told",
        """
        def bad(x): raise LookupError('no luck')
        node(bad, 'a', 'b', name='n').run({'a': 1})
        """,
        logs=("failed with error",),
    ),
    made(
        "PIP-16",
        "prefixes of a namespace that is none",
        "return node(f, 'a', 'b').namespace_prefixes",
        deviation=Deviation(why="Q-46", ours={"value": []}),
    ),
    made(
        "PIP-19",
        "which keys are expected",
        """
        message = project.raised(node(lambda: {"real": 1}, None, {"declared": "b"}, name="n").run)["message"]
        return message.index("declared") < message.index("returned") < message.index("real")
        """,
        deviation=Deviation(why="Q-46", ours={"value": True}),
    ),
)

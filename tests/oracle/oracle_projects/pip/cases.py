"""How cases of nodes and pipelines are written."""

import textwrap
from typing import Any

from both_engines.cases import Case, Script

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


def made(rule: str, name: str, body: str, **facts: Any) -> Case:
    """A case on nodes and pipelines."""
    facts = {"compare": ("value", "error"), **facts}
    return Case(rule=rule, name=name, call=Script(body=_MADE + textwrap.dedent(body)), **facts)

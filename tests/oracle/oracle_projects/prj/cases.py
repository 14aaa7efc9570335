"""A small project, and what cases do with it."""

from both_engines.cases import Script

REGISTRY = """
from kedro.pipeline import Pipeline, node

def add(x, y):
    return x + y

def double(x):
    return 2 * x

def register_pipelines():
    calc = Pipeline([
        node(add, ["params:a", "params:b"], "s", name="add"),
        node(double, "s", "d", name="double"),
    ])
    return {"__default__": calc, "calc": calc, "half": Pipeline([calc.nodes[0]])}
"""

TINY = {"conf/base/parameters.yml": "a: 1\nb: 2\n"}

BOOTSTRAP = Script(body="project.bootstrap()")

OPEN = Script(body="project.service()")

SAME = ("value", "error")

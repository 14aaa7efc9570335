"""A project with a pipeline for each way in which a run can go."""

from both_engines.cases import project_files

_NODES = """
import threading
import time

STARTED = []

def add(x, y):
    return x + y

def double(x):
    return 2 * x

def pair(x):
    return x, [x]

def boom(x):
    raise ValueError(f"no {x}")

def exit_(x):
    raise SystemExit(3)

def nothing(x):
    return None

def chunks(x):
    for number in range(3):
        yield number + x

def pairs(x):
    for number in range(2):
        yield number, 10 * number + x

def broken(x):
    yield x
    raise LookupError("no more")

def iterates(x):
    return [x, x + 1]

def only_in(x):
    pass

def slow(x):
    time.sleep(0.05)
    return x

def unsendable(x):
    return lambda: x

def weird(x):
    class Local(Exception):
        def __reduce__(self):
            raise TypeError("cannot pickle this")
    raise Local("mine")
"""

_REGISTRY = """
from kedro.pipeline import Pipeline, node
from {package}.nodes import *

def register_pipelines():
    chain = Pipeline([
        node(add, ["params:a", "params:b"], "s", name="add"),
        node(double, "s", "d", name="double"),
        node(pair, "d", ["e", "f"], name="pair"),
    ])
    diamond = Pipeline([
        node(double, "params:a", "x0", name="top"),
        node(double, "x0", "x1", name="left"),
        node(slow, "x0", "x2", name="right"),
        node(add, ["x1", "x2"], "x3", name="bottom"),
    ])
    return {
        "__default__": chain,
        "diamond": diamond,
        "fail": Pipeline([
            node(double, "params:a", "s", name="first"),
            node(boom, "s", "z", name="boom"),
            node(double, "z", "zz", name="last"),
        ]),
        "exit": Pipeline([node(exit_, "params:a", "z", name="exit")]),
        "none": Pipeline([node(nothing, "params:a", "z", name="nothing")]),
        "gen": Pipeline([node(chunks, "params:a", "log", name="gen")]),
        "gen_memory": Pipeline([node(chunks, "params:a", "g", name="gen"), node(double, "g", "gg", name="after")]),
        "gen_two": Pipeline([node(pairs, "params:a", ["log", "log2"], name="gen2")]),
        "gen_versioned": Pipeline([node(chunks, "params:a", "versioned", name="gen")]),
        "gen_broken": Pipeline([node(broken, "params:a", "log", name="gen")]),
        "lists": Pipeline([node(iterates, "params:a", "log", name="list")]),
        "confirm": Pipeline([node(double, "confirmed", "c", name="n", confirms="confirmed")]),
        "confirm_bad": Pipeline([node(double, "params:a", "kept", name="n", confirms="params:b")]),
        "confirm_unknown": Pipeline([node(double, "params:a", "kept", name="n", confirms="zz")]),
        "twice": Pipeline([node(add, ["params:a", "params:a"], "t", name="twice")]),
        "only_in": Pipeline([node(only_in, "params:a", None, name="only_in")]),
        "persist": Pipeline([
            node(double, "params:a", "p1", name="p1"),
            node(double, "p1", "p2", name="p2"),
            node(double, "p2", "p3", name="p3"),
        ]),
        "lambda": Pipeline([node(lambda x: x, "params:a", "l", name="l")]),
        "unmet": Pipeline([node(add, ["u1", "params:b"], "u2", name="u")]),
        "weird": Pipeline([node(weird, "params:a", "w", name="w")]),
        "unsendable": Pipeline([node(unsendable, "params:a", "w", name="w")]),
        "bad_class": Pipeline([node(double, "params:a", "bad", name="n"), node(double, "params:a", "kept", name="m")]),
    }
"""

_CATALOG = """
log: {type: "{package}.sets.Appending", filepath: data/log.txt}
log2: {type: "{package}.sets.Appending", filepath: data/log2.txt}
versioned: {type: json.JSONDataset, filepath: data/v.json, versioned: true}
confirmed: {type: "{package}.sets.Confirmed", filepath: data/confirmed.txt}
kept: {type: json.JSONDataset, filepath: data/kept.json}
p1: {type: json.JSONDataset, filepath: data/p1.json}
p2: {type: json.JSONDataset, filepath: data/p2.json}
p3: {type: json.JSONDataset, filepath: data/p3.json}
bad: {type: nope.Nope}
"""

_SETS = '''
from pathlib import Path
from kedro.io import AbstractDataset

HERE = Path(__file__).parents[2]


class Appending(AbstractDataset):
    """Appends saved data to a file."""

    def __init__(self, filepath): self._filepath = HERE / filepath
    def load(self): return self._filepath.read_text()
    def save(self, data):
        self._filepath.parent.mkdir(parents=True, exist_ok=True)
        with open(self._filepath, "a") as file:
            file.write(f"{data};")
    def _describe(self): return {}


class Confirmed(Appending):
    def load(self): return 4
    def confirm(self): self.save("confirmed")
'''

PLAIN = project_files(
    _REGISTRY,
    {
        "conf/base/catalog.yml": _CATALOG,
        "conf/base/parameters.yml": "a: 1\nb: 2",
        "src/{package}/nodes.py": _NODES,
        "src/{package}/sets.py": _SETS,
    },
)

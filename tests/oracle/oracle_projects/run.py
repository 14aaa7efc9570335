"""RUN: runners, generators, confirms, release, only_missing_outputs, failures."""

import textwrap
from typing import Any

from both_engines.cases import Case, Deviation, Project, Run, Script, project_files

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
    """Adds what is saved to a file."""

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
_PLAIN = project_files(
    _REGISTRY,
    {
        "conf/base/catalog.yml": _CATALOG,
        "conf/base/parameters.yml": "a: 1\nb: 2",
        "src/{package}/nodes.py": _NODES,
        "src/{package}/sets.py": _SETS,
    },
)
_RUNNERS = {
    "sequential": "SequentialRunner()",
    "async": "SequentialRunner(is_async=True)",
    "thread": "ThreadRunner(max_workers=2)",
    "parallel": "ParallelRunner(max_workers=2)",
}
_RUN_ID = "2030-01-01T00.00.00.000Z"


def _each(
    rule: str, name: str, pipeline: str, runners: str = "sequential async thread", **facts: Any
) -> tuple[Case, ...]:
    """The same run with each of ``runners``."""
    more = facts.pop("more", {})
    return tuple(
        Case(
            rule=rule,
            name=f"{name} ({runner})",
            call=Run(arguments={"pipeline_names": [pipeline], "run_id": _RUN_ID, **more}, runner=_RUNNERS[runner]),
            **facts,
        )
        for runner in runners.split()
    )


_ALL = "sequential async thread parallel"
_HINT = ("There are \\d+ nodes that have not run\\.", "No nodes ran\\.", '--from-nodes "[^"]*"')
_TOLD = (
    "Using synchronous mode for loading and saving data\\.",
    "Asynchronous mode is enabled for loading and saving data\\.",
    "Running node: .*",
    "Completed .*",
    "Pipeline execution completed successfully in",
)

RUNS = Project(
    name="run",
    files=_PLAIN,
    cases=(
        *_each("RUN-6 RUN-10", "a chain", "__default__", _ALL),
        *_each("RUN-6", "a diamond", "diamond", _ALL),
        *_each("RUN-13", "an input twice", "twice"),
        *_each("PIP-19", "no outputs", "only_in"),
        *_each("RUN-30", "a node that fails", "fail", "sequential async thread parallel"),
        *_each("RUN-34", "a node that exits", "exit", "sequential"),
        *_each("RUN-18", "none for an output", "none", says=("z: Saving 'None' to a 'Dataset' is not allowed",)),
        *_each("RUN-15", "a generator, chunk by chunk", "gen", "sequential thread"),
        *_each(
            "RUN-22",
            "a generator when asynchronous",
            "gen",
            "async",
            says=("Async data loading and saving does not work with nodes wrapping generator functions.",),
        ),
        *_each("RUN-15 RUN-44", "the last chunk stays in memory", "gen_memory", "sequential thread parallel"),
        *_each("RUN-15", "a generator with two outputs", "gen_two", "sequential thread"),
        *_each(
            "RUN-15",
            "a versioned dataset takes one chunk",
            "gen_versioned",
            "sequential",
            says=("versioned: Save path", "must not exist if versioning is enabled."),
        ),
        *_each("RUN-16", "a generator that fails on the way", "gen_broken", "sequential thread"),
        *_each("RUN-17", "a list is one object", "lists"),
        *_each("RUN-14", "confirms", "confirm"),
        *_each("RUN-14", "what cannot be confirmed", "confirm_bad", "sequential"),
        *_each("RUN-14", "what is unknown cannot be confirmed", "confirm_unknown", "sequential"),
        *_each(
            "RUN-7",
            "a dataset that cannot be made",
            "bad_class",
            "sequential thread",
            says=("An exception occurred when parsing config for dataset 'bad':", "No module named 'nope'"),
        ),
        *_each("RUN-8", "unmet inputs", "unmet", "sequential thread"),
        *_each("RUN-8", "unmet inputs", "unmet", "parallel", says=("Pipeline input(s) {'u1'} not found in the",)),
        *_each(
            "RUN-37",
            "a node that cannot be sent",
            "lambda",
            "parallel",
            says=("The following nodes cannot be serialised: [Node(<lambda>, 'params:a', 'l', 'l')]",),
        ),
        *_each("RUN-30", "an exception of a function's own", "weird", "sequential thread"),
        *_each(
            "RUN-12",
            "what is told",
            "__default__",
            "sequential async",
            logs=_TOLD,
        ),
        *_each(
            "RUN-23 RUN-26",
            "nothing is there",
            "persist",
            "sequential thread",
            more={"only_missing_outputs": True},
            logs=("Skipping.*", "Running \\d.*"),
        ),
        *_each(
            "RUN-23 RUN-26",
            "the last is missing",
            "persist",
            "sequential thread",
            more={"only_missing_outputs": True},
            logs=("Skipping.*", "Running \\d.*"),
            files={"data/p1.json": "1", "data/p2.json": "2"},
        ),
        *_each(
            "RUN-23 RUN-26",
            "one between is missing",
            "persist",
            "sequential",
            more={"only_missing_outputs": True},
            logs=("Skipping.*", "Running \\d.*"),
            files={"data/p1.json": "1", "data/p3.json": "2"},
        ),
        *_each(
            "RUN-23 RUN-26",
            "all is there",
            "persist",
            "sequential",
            more={"only_missing_outputs": True},
            logs=("Skipping.*", "Running \\d.*"),
            files={"data/p1.json": "1", "data/p2.json": "1", "data/p3.json": "2"},
        ),
        *_each("RUN-24", "nothing can be there", "__default__", "sequential", more={"only_missing_outputs": True}),
        *_each("RUN-24", "a class that cannot tell", "gen", "sequential", more={"only_missing_outputs": True}),
        *_each(
            "RUN-33",
            "the hint when nothing ran",
            "fail",
            "sequential",
            more={"from_nodes": ["first"], "runtime_params": {"a": None}},
            logs=_HINT,
            says=("unsupported operand",),
        ),
        *_each("RUN-33", "the hint with memory between", "fail", "sequential", logs=_HINT),
        *_each(
            "RUN-33",
            "the hint with a file between",
            "fail",
            "sequential",
            logs=_HINT,
            files={"conf/base/catalog_more.yml": "s: {type: json.JSONDataset, filepath: data/s.json}"},
        ),
    ),
    varied={"a": (1, 2, 3, 5), "b": (7, 11)},
)

_DIRECT = """
from kedro.io import AbstractDataset, DataCatalog, MemoryDataset
from kedro.pipeline import Pipeline, node
from kedro.runner import AbstractRunner, ParallelRunner, SequentialRunner, ThreadRunner

RELEASED = []

class Noted(MemoryDataset):
    def _release(self):
        RELEASED.append(self.name)
        super()._release()

def noted(name, *data):
    made = Noted(*data)
    made.name = name
    return made

def f(x):
    return x

def g(*x):
    return list(x)
"""


def _direct(rule: str, name: str, body: str, **facts: Any) -> Case:
    """A case on runners without a project."""
    facts = {"compare": ("value", "error"), **facts}
    return Case(rule=rule, name=name, call=Script(body=_DIRECT + textwrap.dedent(body)), **facts)


RUNNERS = Project(
    name="runner",
    files={},
    cases=(
        _direct(
            "RUN-2",
            "no workers",
            "return [project.raised(kind, max_workers=n) for kind in (ThreadRunner, ParallelRunner) for n in (0, -1)]",
        ),
        _direct("RUN-2", "workers of the sequential runner", "SequentialRunner(max_workers=2)", says=("max_workers",)),
        _direct(
            "RUN-3",
            "asynchronous threads",
            """
            import warnings

            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                ThreadRunner(is_async=True)
            return [
                str(w.message).startswith(
                    "'ThreadRunner' doesn't support loading and saving the node inputs and outputs asynchronously"
                )
                for w in caught
            ]
            """,
        ),
        _direct("RUN-10", "an empty pipeline", "return SequentialRunner().run(Pipeline([]), DataCatalog())"),
        _direct(
            "RUN-10",
            "free outputs as datasets",
            """
            result = SequentialRunner().run(
                Pipeline([node(f, "a", "b"), node(f, "b", "c")]), DataCatalog({"a": MemoryDataset(1)})
            )
            return {k: [type(v).__name__, v.load()] for k, v in result.items()}
            """,
        ),
        _direct(
            "RUN-9",
            "unmet inputs, again",
            """
            catalog, p = DataCatalog(), Pipeline([node(f, 'a', 'b')])
            return [project.raised(SequentialRunner().run, p, catalog)['error'] for _ in range(2)]
            """,
            deviation=Deviation(why="Q-27", ours={"value": ["ValueError", "ValueError"]}),
        ),
        _direct(
            "RUN-8",
            "an empty dataset is no unmet input",
            "SequentialRunner().run(Pipeline([node(f, 'a', 'b')]), DataCatalog({'a': MemoryDataset()}))",
            says=("a: Data for MemoryDataset has not been saved yet.",),
        ),
        _direct(
            "RUN-28",
            "release in a chain",
            """
            catalog = DataCatalog({n: noted(n, *([1] if n == 'a' else [])) for n in 'abc'})
            SequentialRunner().run(Pipeline([node(f, 'a', 'b'), node(f, 'b', 'c')]), catalog)
            return [RELEASED, catalog.load('c'), catalog.load('a')]
            """,
        ),
        _direct(
            "RUN-28",
            "release in a diamond",
            """
            catalog = DataCatalog({n: noted(n, *([1] if n == "a" else [])) for n in "abcde"})
            SequentialRunner().run(
                Pipeline([node(f, "a", "b"), node(f, "b", "c"), node(f, "b", "d"), node(g, ["c", "d"], "e")]),
                catalog,
            )
            return RELEASED
            """,
        ),
        _direct(
            "RUN-28",
            "release of what has two formats",
            """
            catalog = DataCatalog({'a': MemoryDataset(1), 'x@s': noted('x@s'), 'x@l': noted('x@l', 5)})
            SequentialRunner().run(Pipeline([node(f, 'a', 'x@s', name='s'), node(f, 'x@l', 'c', name='l')]), catalog)
            return RELEASED
            """,
        ),
        _direct(
            "RUN-29",
            "parameters are never released",
            """
            catalog = DataCatalog({'params:p': noted('params:p', 1), 'parameters': noted('parameters', {})})
            SequentialRunner().run(Pipeline([node(g, ['params:p', 'parameters'], 'c')]), catalog)
            return RELEASED
            """,
        ),
        _direct(
            "RUN-29",
            "a release that fails",
            """
            class Stuck(MemoryDataset):
                def _release(self):
                    raise OSError("stuck")

            SequentialRunner().run(
                Pipeline([node(f, "a", "b"), node(f, "b", "c")]), DataCatalog({"a": MemoryDataset(1), "b": Stuck()})
            )
            """,
            says=("stuck",),
        ),
        _direct(
            "RUN-30",
            "the very exception",
            """
            error = LookupError('x')
            def bad(x): raise error
            try:
                SequentialRunner().run(Pipeline([node(bad, 'a', 'b')]), DataCatalog({'a': MemoryDataset(1)}))
            except LookupError as raised:
                return raised is error
            """,
        ),
        _direct(
            "RUN-30",
            "a sequential runner stops at once",
            """
            ran = []
            def note(n, fails=False):
                def call(x):
                    ran.append(n)
                    if fails: raise ValueError(n)
                    return x
                return call
            p = Pipeline([node(note('a', True), 'i', 'a', name='a'), node(note('b'), 'i', 'b', name='b')])
            return [project.raised(SequentialRunner().run, p, DataCatalog({'i': MemoryDataset(1)})), ran]
            """,
        ),
        _direct(
            "RUN-31",
            "threads: what was not started",
            """
            ran = []

            def bad(x):
                ran.append("bad")
                raise ValueError("x")

            def late(x):
                import time

                time.sleep(0.1)
                ran.append("late")
                return x

            made = Pipeline(
                [node(bad, "i", "a", name="a"), *[node(late, "i", f"o{n}", name=f"z{n}") for n in range(5)]]
            )
            raised = project.raised(ThreadRunner(max_workers=1).run, made, DataCatalog({"i": MemoryDataset(1)}))
            return [raised, len(ran) == 6]
            """,
            deviation=Deviation(why="Q-30", ours={"value": [{"error": "ValueError", "message": "x"}, False]}),
        ),
        _direct(
            "RUN-1",
            "a runner of a project's own",
            """
            class Mine(AbstractRunner):
                def _get_executor(self, max_workers):
                    return None

                def _run(self, pipeline, catalog, hook_manager=None, run_id=None):
                    for n in pipeline.nodes:
                        for name, data in n.run({i: catalog.load(i) for i in n.inputs}).items():
                            catalog.save(name, data)

            return {
                k: v.load()
                for k, v in Mine()
                .run(Pipeline([node(f, "a", "b"), node(f, "b", "c")]), DataCatalog({"a": MemoryDataset(1)}))
                .items()
            }
            """,
        ),
        _direct(
            "RUN-19",
            "inputs load at a time when asynchronous",
            """
            import time

            class Slow(MemoryDataset):
                def load(self):
                    time.sleep(0.2)
                    return super().load()

            started = time.monotonic()
            SequentialRunner(is_async=True).run(
                Pipeline([node(g, ["a", "b", "c"], "d")]), DataCatalog({n: Slow(1) for n in "abc"})
            )
            return time.monotonic() - started < 0.45
            """,
        ),
    ),
)

PROJECTS = (RUNS, RUNNERS)

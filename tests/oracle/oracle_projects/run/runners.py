"""Runners without a project."""

import textwrap
from typing import Any

from both_engines.cases import Case, Deviation, Project, Script

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
    """Return a case on runners without a project."""
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
        _direct("RUN-10 RUN-11", "an empty pipeline", "return SequentialRunner().run(Pipeline([]), DataCatalog())"),
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
            import threading

            meet = threading.Barrier(3, timeout=30)

            class Meeting(MemoryDataset):
                def load(self):
                    meet.wait()
                    return super().load()

            made, data = Pipeline([node(g, ["a", "b", "c"], "d")]), DataCatalog({n: Meeting(1) for n in "abc"})
            return list(SequentialRunner(is_async=True).run(made, data))
            """,
        ),
        _direct(
            "RUN-25",
            "free inputs of nodes that are skipped",
            """
            from kedro_datasets.json import JSONDataset
            project.write("b.json", "1")
            catalog = DataCatalog({"b": JSONDataset(filepath="b.json"), "c": JSONDataset(filepath="c.json")})
            made = Pipeline([node(f, "absent", "b", name="one"), node(f, "b", "c", name="two")])
            return [list(SequentialRunner().run(made, catalog, only_missing_outputs=True)), catalog.load("c")]
            """,
        ),
        _direct(
            "RUN-27",
            "what is missing in the format that is read",
            """
            from kedro_datasets.json import JSONDataset
            ran = []
            def note(x):
                ran.append(x)
                return x
            catalog = DataCatalog({
                "a": MemoryDataset(1), "x@s": MemoryDataset(), "x@l": JSONDataset(filepath="x.json"),
                "c": JSONDataset(filepath="c.json"),
            })
            made = Pipeline([node(note, "a", "x@s", name="one"), node(note, "x@l", "c", name="two")])
            raised = project.raised(SequentialRunner().run, made, catalog, only_missing_outputs=True)
            return [ran, raised["error"]]
            """,
            deviation=Deviation(why="Q-29", ours={"value": [[1], "DatasetError"]}),
        ),
        _direct(
            "RUN-24",
            "what is missing in a cache",
            """
            from kedro.io import CachedDataset
            from kedro_datasets.json import JSONDataset
            cached = CachedDataset(JSONDataset(filepath="b.json"))
            made = Pipeline([node(f, "a", "b", name="one")])
            catalog = DataCatalog({"a": MemoryDataset(1), "b": cached})
            return list(SequentialRunner().run(made, catalog, only_missing_outputs=True))
            """,
            deviation=Deviation(why="Q-29", ours={"value": ["b"]}),
        ),
    ),
)

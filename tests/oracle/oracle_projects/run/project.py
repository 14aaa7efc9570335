"""Runs of a project, with each runner."""

from typing import Any

from both_engines.cases import Case, Deviation, Project, Run

from oracle_projects.run.pipelines import PLAIN

_RUNNERS = {
    "sequential": "SequentialRunner()",
    "async": "SequentialRunner(is_async=True)",
    "thread": "ThreadRunner(max_workers=2)",
    "parallel": "ParallelRunner(max_workers=2)",
}

_ALL = "sequential async thread parallel"
_RUN_ID = "2030-01-01T00.00.00.000Z"


def _each(
    rule: str, name: str, pipeline: str, runners: str = "sequential async thread", **facts: Any
) -> tuple[Case, ...]:
    """Return the same run with each of ``runners``."""
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
    files=PLAIN,
    cases=(
        *_each("RUN-6 RUN-10", "a chain", "__default__", _ALL),
        *_each("RUN-6", "a diamond", "diamond", _ALL),
        *_each("RUN-13", "an input twice", "twice"),
        *_each("PIP-19", "no outputs", "only_in"),
        *_each("RUN-30", "a node that fails", "fail", _ALL),
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
        *_each(
            "RUN-39",
            "a dataset in memory between processes",
            "diamond",
            "parallel",
            files={"conf/base/catalog_more.yml": "x0: {type: MemoryDataset}\nx3: {type: MemoryDataset}"},
            deviation=Deviation(why="Q-31", ours={"value": {"x3": 6}, "error": None}),
        ),
        *_each(
            "RUN-36",
            "a dataset that is no good for several processes",
            "diamond",
            "parallel",
            files={"conf/base/catalog_more.yml": "x0: {type: CachedDataset, dataset: {type: MemoryDataset}}"},
            deviation=Deviation(why="RUN-36", ours={"value": {"x3": 6}, "error": None}),
        ),
        *_each(
            "RUN-40",
            "an exception that cannot be sent",
            "weird",
            "parallel",
            deviation=Deviation(
                why="RUN-40", ours={"error": "RemoteNodeError", "message": "weird.<locals>.Local: mine"}
            ),
        ),
        *_each(
            "RUN-41",
            "an output that cannot be sent",
            "unsendable",
            "parallel",
            says=("w: <class 'function'> cannot be serialised",),
        ),
        *_each("RUN-42", "forked processes", "diamond", "parallel", environ={"KEDRO_MP_CONTEXT": "fork"}),
    ),
    varied={"a": (1, 2, 3, 5), "b": (7, 11)},
)

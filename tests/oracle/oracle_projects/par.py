"""Parameters as datasets."""

from typing import Any

from both_engines.cases import Case, Deviation, Project, Run, Script, project_files

_REGISTRY = """
import sys
from kedro.pipeline import Pipeline, node

def show(*values):
    return {"values": list(values)}

def spoil(parameters, model):
    model["depth"] = 99
    parameters["a"] = 99
    return 1

def single(name):
    return Pipeline([node(show, name, "shown", name="show")])

def register_pipelines():
    return {
        "__default__": Pipeline(
            [
                node(
                    show,
                    ["params:a", "params:model", "params:model.depth", "params:list", "params:_hidden"],
                    "shown",
                ),
                node(show, "parameters", "all"),
            ]
        ),
        "nested": single("params:model.deep.er"),
        "item": single("params:list.0"),
        "number": single("params:m.1"),
        "none": single("params:nothing"),
        "empty": single("params:empty"),
        "missing": single("params:zz"),
        "flat": single("params:x.y"),
        "whole": single("parameters"),
        "two": Pipeline(
            [
                node(spoil, ["parameters", "params:model"], "done"),
                node(show, ["parameters", "params:model", "done"], "shown"),
            ]
        ),
        "saved": Pipeline([node(lambda a: a + 1, "params:a", "params:new"), node(show, "params:new", "shown")]),
        "env": single("params:where"),
    }
"""
_PARAMETERS = """
a: 1
_hidden: 7
model: {depth: 3, deep: {er: [1, {x: 2}]}}
list: [1, 2]
m: {1: one, true: two}
nothing: null
empty: {}
where: base
"""


def _run(rule: str, name: str, pipeline: str, **facts: Any) -> Case:
    return Case(rule=rule, name=name, call=Run(arguments={"pipeline_names": [pipeline]}), **facts)


PARAMETERS = Project(
    name="par",
    files=project_files(
        _REGISTRY,
        {
            "conf/base/parameters.yml": _PARAMETERS,
            "conf/local/parameters.yml": "where: local",
            "conf/base/catalog.yml": "'params:a': {type: MemoryDataset, data: 500}",
        },
    ),
    cases=(
        Case(rule="PAR-1 PAR-4 PAR-6", name="the whole and the parts", call=Run()),
        _run("PAR-2", "nested keys are datasets", "nested"),
        _run("PAR-2", "items of lists are none", "item", says=("Pipeline input(s) {'params:list.0'} not found",)),
        _run("PAR-2", "keys are text", "number"),
        _run("PAR-5", "none is a value", "none"),
        _run("PAR-2", "an empty mapping", "empty"),
        _run(
            "PAR-7",
            "a missing parameter",
            "missing",
            says=("Pipeline input(s) {'params:zz'} not found in the DataCatalogWithCatalogCommandsMixin",),
        ),
        _run("PAR-3", "a dotted key after a path", "flat", files={"conf/base/parameters_x.yml": "x: {y: 8}\nx.y: 7"}),
        _run("PAR-3", "a path after a dotted key", "flat", files={"conf/base/parameters_x.yml": "x.y: 7\nx: {y: 8}"}),
        _run("PAR-5", "every node has a copy", "two"),
        _run("PAR-5", "a parameter may be saved", "saved"),
        _run("PAR-10", "the run environment beats the base", "env"),
        Case(
            rule="PAR-10",
            name="runtime parameters beat both",
            call=Run(arguments={"pipeline_names": ["env"], "runtime_params": {"where": "here"}}),
        ),
        Case(
            rule="PAR-9 SES-37",
            name="no parameters at all",
            call=Run(arguments={"pipeline_names": ["whole"], "runtime_params": {"a": [1, {"b": 2}]}}),
            files={"conf/base/parameters.yml": None, "conf/local/parameters.yml": None, "conf/local/.gitkeep": ""},
        ),
        Case(
            rule="PAR-9",
            name="no parameters at all and none given",
            call=Run(arguments={"pipeline_names": ["whole"]}),
            files={"conf/base/parameters.yml": None, "conf/local/parameters.yml": None, "conf/local/.gitkeep": ""},
        ),
        Case(
            rule="PAR-8",
            name="parameters of a context",
            call=Script(
                body="""
                session = project.service()
                context = session.load_context(runtime_params={"a": 4, "model": {"new": 1}})
                return [
                    context.params,
                    context.catalog.load("parameters") == context.params,
                    context.params is context.params,
                ]
                """
            ),
            deviation=Deviation(
                why="Q-13",
                ours={
                    "value": [
                        {
                            "a": 4,
                            "_hidden": 7,
                            "model": {"depth": 3, "deep": {"er": [1, {"x": 2}]}, "new": 1},
                            "list": [1, 2],
                            "m": {"mapping": [[1, "two"]]},
                            "nothing": None,
                            "empty": {},
                            "where": "local",
                        },
                        True,
                        True,
                    ]
                },
            ),
        ),
        Case(
            rule="PAR-1 PAR-2",
            name="names in the catalog",
            call=Script(
                body="""
                catalog = project.service().load_context().catalog
                return sorted(name for name in catalog.keys() if name.startswith("param"))
                """
            ),
        ),
    ),
    varied={
        "a": (1, 2, 3),
        "where": ("x", "y"),
        "model": ({"depth": 4, "deep": {"er": 5}}, {"depth": 7, "deep": {"er": 6}}),
    },
)

PROJECTS = (PARAMETERS,)

"""A project of reused parts that runs in slices."""

from typing import Any

from both_engines.cases import Case, Project, Run, project_files

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

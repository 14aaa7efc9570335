"""The error about an unknown name suggests names that resemble it, on every way to ask."""

from pathlib import Path

import pytest

from kedro_asgi.errors import (
    DatasetNotInPipelineError,
    EmptyPipelineError,
    NamespaceNotFoundError,
    NodeNotFoundError,
    PipelineNotFoundError,
    UnknownRunnerError,
)
from kedro_asgi.pipeline import Pipeline, node
from kedro_asgi.runner.lookup import find_runner
from kedro_asgi.session import KedroServiceSession

PIPELINE = Pipeline(
    [
        node(str.upper, "raw_text", "upper_text", name="to_upper", namespace="cleaning", tags="daily"),
        node(len, "upper_text", "length"),
    ]
)


@pytest.mark.parametrize(
    ("criteria", "error", "match"),
    [
        ({"node_names": ["cleaning.to_uper"]}, NodeNotFoundError, "cleaning.to_upper"),
        ({"node_names": ["CLEANING.TO_UPPER"]}, NodeNotFoundError, "cleaning.to_upper"),
        ({"from_nodes": ["to_upper"]}, NodeNotFoundError, "cleaning.to_upper"),
        ({"to_nodes": ["len"]}, NodeNotFoundError, PIPELINE.nodes[1].name),
        ({"from_inputs": ["uper_text"]}, DatasetNotInPipelineError, "upper_text"),
        ({"to_outputs": ["lenght"]}, DatasetNotInPipelineError, "length"),
        ({"node_namespaces": ["cleanin"]}, NamespaceNotFoundError, "cleaning"),
        ({"tags": ["dayly"]}, EmptyPipelineError, "daily"),
    ],
)
def test_a_slice_suggests_names(criteria: dict, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match="Did you mean") as caught:
        PIPELINE.filter(**criteria)
    assert match in caught.value.matches
    assert match in str(caught.value)


def test_nothing_is_suggested_for_a_name_like_no_other() -> None:
    with pytest.raises(NodeNotFoundError) as caught:
        PIPELINE.filter(node_names=["zzz"])
    assert str(caught.value) == "Pipeline does not contain nodes named ['zzz']."


@pytest.mark.parametrize("path", ["ThreadRuner", "kedro.runner.threadrunner", "kedro_asgi.runner.ThreadRunnr"])
def test_runners_are_suggested(path: str) -> None:
    with pytest.raises(UnknownRunnerError, match=r"has no attribute '.*'\. Did you mean 'ThreadRunner'"):
        find_runner(path, package_name="shop")


def test_runners_of_a_project_are_suggested(tiny: Path) -> None:
    session = KedroServiceSession.create(project_path=tiny)
    package = session.engine.planner.project.package_name
    (tiny / "src" / package / "runners.py").write_text("class OwnRunner: pass\n")
    with pytest.raises(AttributeError, match="Did you mean 'OwnRunner'"):
        find_runner(f"{package}.runners.OwnRuner", package_name=package)


def test_pipelines_are_suggested_also_in_another_case(tiny: Path) -> None:
    session = KedroServiceSession.create(project_path=tiny)
    with pytest.raises(PipelineNotFoundError, match="Did you mean one of these instead.*\n    calc"):
        session.run(pipeline_names=["CALC"])


@pytest.mark.parametrize("catalog", ["", "x:\n  type: MemoryDataset\n"])
def test_a_missing_input_hints_at_inputs_and_at_what_they_become(make_project, catalog: str) -> None:
    registry = """
    from kedro_asgi.pipeline import Pipeline, node
    def register_pipelines():
        return {"__default__": Pipeline([node(len, "x", "y")])}
    """
    session = KedroServiceSession.create(project_path=make_project(registry, catalog=catalog))
    with pytest.raises(Exception, match=r"Give a value in 'inputs' of the run.*'metadata.kedro_asgi.input'"):
        session.run()
    assert session.run(inputs={"x": "abc"})["y"].load() == 3

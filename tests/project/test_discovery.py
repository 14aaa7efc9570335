"""Finding pipelines by the layout of a package."""

from pathlib import Path

import pytest

from kedro_asgi.errors import PipelineNotFoundError
from kedro_asgi.project import bootstrap_project
from kedro_asgi.session import KedroServiceSession, KedroSession

TEMPLATE = """
from kedro_asgi.project import find_pipelines

def register_pipelines():
    pipelines = find_pipelines(raise_errors=True)
    pipelines["__default__"] = sum(pipelines.values())
    return pipelines
"""
LENIENT = TEMPLATE.replace("raise_errors=True", "")


def pipeline(name: str) -> str:
    return f"""
    from kedro_asgi.pipeline import Pipeline, node
    def {name}(x):
        return "{name}"
    def create_pipeline():
        return Pipeline([node({name}, "params:a", "{name}_out", name="{name}")])
    """


def files(**modules: str) -> dict[str, str]:
    return {f"src/{{package}}/pipelines/{name}/__init__.py": text for name, text in modules.items()}


def test_each_folder_is_a_pipeline_in_order_of_name(make_project) -> None:
    project = make_project(TEMPLATE, files=files(two=pipeline("two"), one=pipeline("one")))
    pipelines = bootstrap_project(project).pipelines.load()
    assert list(pipelines) == ["__default__", "one", "two"]
    assert [node.name for node in pipelines["__default__"].nodes] == ["one", "two"]


def test_the_one_file_layout_is_the_default_pipeline(make_project) -> None:
    project = make_project(TEMPLATE, files={"src/{package}/pipeline.py": pipeline("alone")})
    assert [node.name for node in bootstrap_project(project).pipelines.load()["__default__"].nodes] == ["alone"]


def test_a_broken_pipeline_does_not_affect_runs_of_others(make_project) -> None:
    project = make_project(TEMPLATE, files=files(one=pipeline("one"), broken="import nope_zz\n"))
    with KedroSession.create(project_path=project) as session:
        assert session.run(pipeline_names=["one"])["one_out"].load() == "one"
    with (
        KedroSession.create(project_path=project) as session,
        pytest.raises(ImportError, match="pipelines.broken"),
    ):
        session.run()
    with pytest.raises(ImportError, match="An error occurred while importing the '.*broken' module"):
        KedroServiceSession.create(project_path=project, serving_mode=True)


def test_an_unknown_name_gives_pipeline_not_found_rather_than_an_import_error(make_project) -> None:
    project = make_project(TEMPLATE, files=files(one=pipeline("one")))
    for session in (KedroSession.create(project_path=project), KedroServiceSession.create(project_path=project)):
        with pytest.raises(ValueError, match="Failed to find the pipeline named 'onee'.*\n    one"):
            session.run(pipeline_names=["onee"])


def test_a_registry_may_expect_all_pipelines_when_one_is_run(make_project) -> None:
    registry = TEMPLATE.replace("sum(pipelines.values())", 'pipelines["one"] + pipelines["two"]')
    project = make_project(registry, files=files(one=pipeline("one"), two=pipeline("two")))
    with KedroSession.create(project_path=project) as session:
        assert session.run(pipeline_names=["two"])["two_out"].load() == "two"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import nope_zz\n", "An error occurred while importing"),
        ("x = 1\n", "does not expose a 'create_pipeline' function"),
        ("def create_pipeline():\n    return 5\n", "Expected the 'create_pipeline' function .* got 'int' instead"),
    ],
)
def test_problems_are_warnings_or_errors_with_raise_errors(make_project, text: str, message: str) -> None:
    project = make_project(LENIENT, files=files(one=pipeline("one"), odd=text))
    with pytest.warns(UserWarning, match=message):
        assert list(bootstrap_project(project).pipelines.load()) == ["__default__", "one"]


def test_the_next_access_repeats_a_failed_load(make_project) -> None:
    project: Path = make_project("import nope_zz\n")
    registry = next((project / "src").iterdir()) / "pipeline_registry.py"
    pipelines = bootstrap_project(project).pipelines
    with pytest.raises(ModuleNotFoundError):
        pipelines.load()
    registry.write_text("def register_pipelines():\n    return {}\n\n")
    assert pipelines.load() == {}


def test_none_in_place_of_a_pipeline_is_no_pipeline(make_project) -> None:
    registry = """
from kedro_asgi.pipeline import Pipeline, node
def register_pipelines():
    return {"calc": Pipeline([node(lambda: 1, None, "x", name="n")]), "none": None}
"""
    project = bootstrap_project(make_project(registry))
    assert list(project.pipelines.load()) == ["calc"]
    with pytest.raises(PipelineNotFoundError, match="named 'none'"):
        project.pipelines.combine(("none",), selective=False)

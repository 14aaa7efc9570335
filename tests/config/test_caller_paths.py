"""A caller's parameters lead the path of a dataset to allowed places only."""

from collections.abc import Callable
from pathlib import Path

import pytest

from kedro_asgi.config.interpolation.caller_paths import path_problem
from kedro_asgi.errors import KedroAsgiError, ProjectError
from kedro_asgi.session import KedroServiceSession

REGISTRY = """
from kedro_asgi.pipeline import node, pipeline

def register_pipelines():
    return {"__default__": pipeline([node(lambda a: a, "params:a", "out", name="write")])}
"""


def serving(make_project: Callable[..., Path], filepath: str, options: str = "") -> tuple[KedroServiceSession, Path]:
    """Return a serving session of a project that writes to ``filepath``, and the project's folder."""
    catalog = f"_root: data\nout:\n  type: json.JSONDataset\n  filepath: {filepath}\n"
    project = make_project(REGISTRY, catalog=catalog)
    file = project / "pyproject.toml"
    file.write_text(f"{file.read_text()}\n[tool.kedro-asgi]\n{options}\n")
    return KedroServiceSession.create(project_path=project, serving_mode=True), project


@pytest.mark.parametrize("template", ["'${runtime_params:where}'", "'${runtime_params:where}/x.json'"])
@pytest.mark.parametrize(
    "where",
    [
        "/{place}/a",
        "//{place}/a",
        "~/a",
        "~root/a",
        "\\\\host\\share",
        "C:\\a",
        "c:/a",
        "http://host/a",
        "s3://b/a",
        "file:///{place}/a",
        "FILE:/{place}/a",
        "x::file:///{place}/a",
        "data/a::http://host/b",
        "data:a",
    ],
)
def test_a_caller_cannot_choose_the_place_of_a_dataset(make_project, template: str, where: str) -> None:
    session, project = serving(make_project, template)
    outside = project.parent / "outside"
    with pytest.raises(KedroAsgiError, match="Dataset 'out' resolves 'filepath' .* not permitted"):
        session.run(runtime_params={"where": where.replace("{place}", str(outside).lstrip("/"))})
    assert not outside.exists()
    session.run(runtime_params={"where": "data/b.json"})


@pytest.mark.parametrize(
    ("template", "where"),
    [
        ("data/${runtime_params:where}.json", "/etc/x"),
        ("data/${runtime_params:where}.json", "a b:c~d"),
        ("${_root}/${runtime_params:where}.json", "a"),
        ("${runtime_params:where,data/default.json}", None),
    ],
)
def test_a_caller_chooses_a_place_below_that_of_the_project(make_project, template: str, where: str | None) -> None:
    session, project = serving(make_project, f"'{template}'")
    session.run(runtime_params={} if where is None else {"where": where})
    assert len([file for file in (project / "data").rglob("*") if file.is_file()]) == 1


def test_the_author_may_write_an_absolute_path(make_project, tmp_path: Path) -> None:
    session, _ = serving(make_project, f"'{tmp_path}/elsewhere/${{runtime_params:where}}.json'")
    session.run(runtime_params={"where": "a"})
    assert (tmp_path / "elsewhere/a.json").is_file()


def test_a_project_allows_places(make_project, tmp_path: Path) -> None:
    options = f'allowed_paths = ["{tmp_path}/shared", "s3://bucket"]'
    session, _ = serving(make_project, "'${runtime_params:where}'", options)
    session.run(runtime_params={"where": f"{tmp_path}/shared/a.json"})
    assert (tmp_path / "shared/a.json").is_file()
    for where in (f"{tmp_path}/shared/../b.json", f"{tmp_path}/shared2/b.json", f"{tmp_path}/b.json", "s3://bucket2/a"):
        with pytest.raises(KedroAsgiError, match="not permitted"):
            session.run(runtime_params={"where": where})


@pytest.mark.parametrize(
    ("path", "beginning", "is_allowed"),
    [
        ("s3://bucket/key/a.csv", "s3://bucket/key/", True),
        ("s3://mine/a.csv", "s3://", True),
        ("https://api.example.com/a", "https://api.example.com", True),
        ("https://api.example.com@evil.example/", "https://api.example.com", False),
        ("https://user@api.example.com/a", "https://user@api.example.com/", True),
        ("s3://bucket/a::http://evil.example/", "s3://bucket/", False),
        ("/data/a", "/data/", True),
        ("/x.csv", "", False),
        ("https://evil.example/", "s3://bucket/", False),
    ],
)
def test_the_beginning_of_a_path_is_the_authors(path: str, beginning: str, is_allowed: bool) -> None:
    problem = path_problem(path, beginning=beginning, texts=[beginning], allowed=())
    assert (problem is None) is is_allowed


@pytest.mark.parametrize("place", ["data", "", "../x", "s3:"])
def test_an_allowed_place_is_absolute(make_project, place: str) -> None:
    with pytest.raises(ProjectError, match="allowed_paths"):
        serving(make_project, "data/a.json", f'allowed_paths = ["{place}"]')


def test_a_mapping_of_the_caller_holds_no_place_either(make_project) -> None:
    session, _ = serving(make_project, "data/a.json\n  load_args: ${runtime_params:load_args}")
    for path in ("/etc/passwd", "../../x"):
        with pytest.raises(KedroAsgiError, match="resolves 'path'"):
            session.run(runtime_params={"load_args": {"path": path}})

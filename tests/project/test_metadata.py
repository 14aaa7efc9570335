"""Finding a project and reading its ``pyproject.toml``."""

from pathlib import Path

import pytest

from kedro_asgi.errors import ProjectError, ProjectVersionError
from kedro_asgi.project import bootstrap_project, find_kedro_project, is_kedro_project

GOOD = '[tool.kedro]\npackage_name = "p"\nproject_name = "P"\nkedro_init_version = "1.7.0"\n'


def write(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pyproject.toml").write_text(text)
    return folder


@pytest.mark.parametrize(
    ("text", "is_project"),
    [
        (GOOD, True),
        ("[tool.kedro]\n", True),
        ("# [tool.kedro]\n", False),
        ("[tool.other]\n", False),
        ("[tool.kedro]\nbroken = \n", True),
        ("broken = \n", False),
    ],
)
def test_a_project_is_a_folder_with_the_section(tmp_path: Path, text: str, is_project: bool) -> None:
    assert is_kedro_project(write(tmp_path, text)) is is_project


def test_the_nearest_project_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outer = write(tmp_path / "outer", GOOD)
    inner = write(outer / "inner", GOOD)
    deep = inner / "a" / "b"
    deep.mkdir(parents=True)
    assert find_kedro_project(deep) == inner
    assert find_kedro_project(outer) == outer
    assert find_kedro_project(tmp_path) is None
    monkeypatch.chdir(deep)
    assert find_kedro_project(Path()) == inner


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        (None, ProjectError, "Could not find the project configuration file 'pyproject.toml' in"),
        ("a = \n", ProjectError, "Failed to parse 'pyproject.toml' file."),
        ("[tool.other]\n", ProjectError, r"There's no '\[tool.kedro\]' section"),
        (
            '[tool.kedro]\npackage_name = "p"\n',
            ProjectError,
            r"Missing required keys \['project_name', 'kedro_init_version'\]",
        ),
        (
            GOOD.replace("1.7.0", "0.19.9"),
            ProjectVersionError,
            "Your Kedro project version 0.19.9 does not match Kedro package version 1.7.0 you are running",
        ),
        (GOOD.replace('"1.7.0"', "1"), ProjectError, "must be a string"),
        (GOOD + "more = 1\n", ProjectError, "Found unexpected keys in 'pyproject.toml'"),
        (GOOD + 'source_dir = "../.."\n', ValueError, "has to be relative to your project root"),
        (GOOD, NotADirectoryError, "cannot be found"),
    ],
)
def test_an_invalid_pyproject_is_refused(
    tmp_path: Path, text: str | None, error: type[Exception], message: str
) -> None:
    if text is not None:
        write(tmp_path, text)
    with pytest.raises(error, match=message):
        bootstrap_project(tmp_path)


def test_a_project_has_the_attributes_of_its_metadata(tiny: Path) -> None:
    project = bootstrap_project(str(tiny))
    assert project.project_path == tiny
    assert project.project_name == "Made"
    assert project.source_dir == tiny / "src"
    assert project.config_file == tiny / "pyproject.toml"
    assert project.kedro_init_version == "1.7.0"
    assert (project.tools, project.example_pipeline) == (None, None)
    assert project.metadata is not None
    assert project.metadata.kedro_init_version == "1.7.0"

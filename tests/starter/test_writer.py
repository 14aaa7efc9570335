"""The writer of the starter project writes a whole project, or nothing and raises a clear error."""

import os
import tomllib
from pathlib import Path

import pytest

from kedro_asgi.errors import KedroAsgiError, StarterError
from kedro_asgi.starter import write_starter

FILES = {
    ".gitignore",
    "README.md",
    "conf/base/catalog.yml",
    "conf/base/parameters.yml",
    "conf/local/.gitkeep",
    "data/01_raw/README.md",
    "data/01_raw/penguins.csv",
    "pyproject.toml",
    "src/my_birds/__init__.py",
    "src/my_birds/classifier.py",
    "src/my_birds/pipeline_registry.py",
    "src/my_birds/pipelines/__init__.py",
    "src/my_birds/pipelines/predict/__init__.py",
    "src/my_birds/pipelines/predict/nodes.py",
    "src/my_birds/pipelines/predict/pipeline.py",
    "src/my_birds/pipelines/train/__init__.py",
    "src/my_birds/pipelines/train/nodes.py",
    "src/my_birds/pipelines/train/pipeline.py",
    "src/my_birds/settings.py",
}


def files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def kedro_table(project: Path) -> dict[str, str]:
    return tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["kedro"]


def test_the_writer_writes_every_file_and_no_other(tmp_path: Path) -> None:
    project = write_starter(tmp_path / "birds", project_name="My Birds")
    assert project == (tmp_path / "birds").resolve()
    assert files_in(project) == FILES
    assert os.listdir(tmp_path) == ["birds"]


def test_pyproject_holds_the_names_of_the_project(tmp_path: Path) -> None:
    project = write_starter(tmp_path / "birds", project_name="My Birds")
    assert kedro_table(project) == {
        "project_name": "My Birds",
        "package_name": "my_birds",
        "kedro_init_version": "1.7.0",
        "source_dir": "src",
    }
    assert (project / "README.md").read_text(encoding="utf-8").startswith("# My Birds\n")


def test_no_placeholder_is_left(tmp_path: Path) -> None:
    project = write_starter(tmp_path / "birds", project_name="My Birds")
    texts = [path.read_text(encoding="utf-8") for path in project.rglob("*") if path.is_file()]
    assert not [text for text in texts if "{{" in text or "__package__" in text]


def test_the_data_is_the_published_table(tmp_path: Path) -> None:
    project = write_starter(tmp_path / "birds", project_name="My Birds")
    header, *rows = (project / "data/01_raw/penguins.csv").read_text(encoding="utf-8").splitlines()
    assert header == "species,island,bill_length_mm,bill_depth_mm,flipper_length_mm,body_mass_g,sex,year"
    assert len(rows) == 344


@pytest.mark.parametrize(
    ("project_name", "package_name"),
    [
        ("penguins", "penguins"),
        ("My Penguins!", "my_penguins"),
        ("  sea-birds 2 ", "sea_birds_2"),
        ("Größe", "gr_e"),
        ("a.b/c", "a_b_c"),
    ],
)
def test_the_package_name_is_a_slug(tmp_path: Path, project_name: str, package_name: str) -> None:
    project = write_starter(tmp_path / "p", project_name=project_name)
    assert kedro_table(project)["package_name"] == package_name
    assert (project / "src" / package_name / "settings.py").is_file()


@pytest.mark.parametrize("project_name", ['Say "hi"', "back\\slash", "{{ package_name }}", "🐧 penguins"])
def test_any_printable_name_is_valid_in_toml(tmp_path: Path, project_name: str) -> None:
    assert kedro_table(write_starter(tmp_path / "p", project_name=project_name))["project_name"] == project_name


@pytest.mark.parametrize(
    ("project_name", "reason"),
    [
        ("", "makes no valid package name"),
        ("企鹅", "makes no valid package name"),
        ("3 penguins", "no digit before that"),
        ("Lambda", "a Python keyword"),
        ("JSON", "would hide the module"),
        ("kedro-asgi", "would hide the module"),
        ("Kedro", "would hide the module"),
        ("two\nlines", "one line of printable characters"),
    ],
)
def test_a_name_that_cannot_be_a_package_is_refused(tmp_path: Path, project_name: str, reason: str) -> None:
    with pytest.raises(StarterError, match=reason):
        write_starter(tmp_path / "p", project_name=project_name)
    assert os.listdir(tmp_path) == []


def test_a_folder_that_is_not_empty_is_refused_and_not_changed(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(StarterError, match="is not empty"):
        write_starter(tmp_path, project_name="birds")
    assert files_in(tmp_path) == {"notes.txt"}


def test_a_file_in_place_of_the_folder_is_refused_and_not_changed(tmp_path: Path) -> None:
    (tmp_path / "birds").write_text("mine", encoding="utf-8")
    with pytest.raises(StarterError, match="is a file"):
        write_starter(tmp_path / "birds", project_name="birds")
    assert (tmp_path / "birds").read_text(encoding="utf-8") == "mine"


def test_an_empty_folder_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "birds"
    folder.mkdir()
    monkeypatch.chdir(folder)
    write_starter(Path(), project_name="My Birds")
    assert Path("pyproject.toml").is_file()
    assert files_in(folder) == FILES
    assert os.listdir(tmp_path) == ["birds"]


def test_missing_parents_are_made(tmp_path: Path) -> None:
    assert write_starter(tmp_path / "a" / "b", project_name="birds").is_dir()


def test_a_failure_while_writing_leaves_nothing_behind(tmp_path: Path) -> None:
    """The package name is one character too long for a file name, so the copy fails in the middle."""
    with pytest.raises(OSError, match="too long"):
        write_starter(tmp_path / "birds", project_name="b" * 256)
    assert os.listdir(tmp_path) == []


def test_a_starter_error_is_a_value_error() -> None:
    assert issubclass(StarterError, KedroAsgiError)
    assert issubclass(StarterError, ValueError)

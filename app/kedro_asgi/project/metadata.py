"""A project's ``pyproject.toml``: where it is, and its section ``[tool.kedro]``."""

import tomllib
from pathlib import Path
from typing import Any

import msgspec

from kedro_asgi.errors import ProjectError, ProjectVersionError, SourcePathError
from kedro_asgi.versions import kedro_version

_FILE = "pyproject.toml"
_REQUIRED = ("package_name", "project_name", "kedro_init_version")
_OPTIONAL = ("source_dir", "tools", "example_pipeline")


class ProjectMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """The section ``[tool.kedro]``; all paths are absolute and resolved."""

    config_file: Path
    package_name: str
    project_name: str
    project_path: Path
    source_dir: Path
    kedro_init_version: str
    tools: Any = None
    example_pipeline: Any = None


def is_kedro_project(project_path: str | Path) -> bool:
    """Tell whether ``project_path`` holds a ``pyproject.toml`` with a section ``[tool.kedro]``.

    Also true for invalid TOML that contains the header, so that the user sees the real error later (Q-1).
    """
    file = Path(project_path).expanduser().resolve() / _FILE
    try:
        text = file.read_text(encoding="utf-8")
        return "kedro" in tomllib.loads(text).get("tool", {})
    except tomllib.TOMLDecodeError:
        return "[tool.kedro]" in text
    except (OSError, UnicodeDecodeError):
        return False


def find_kedro_project(current_dir: str | Path) -> Path | None:
    """Return ``current_dir`` or the nearest of its parents that is a project, or ``None``."""
    start = Path(current_dir).expanduser().absolute()
    return next((folder for folder in (start, *start.parents) if is_kedro_project(folder)), None)


def read_metadata(project_path: Path) -> ProjectMetadata:
    """Read the ``pyproject.toml`` of ``project_path`` and check it in Kedro's order (PRJ-7).

    Raises `ProjectError`, `ProjectVersionError` or `SourcePathError`.
    """
    file = project_path / _FILE
    section = _read_section(file)
    if missing := [key for key in _REQUIRED if key not in section]:
        raise ProjectError(f"Missing required keys {missing} from '{_FILE}'. (It is in {project_path}.)")
    _check_version(section["kedro_init_version"])
    if unexpected := sorted(section.keys() - {*_REQUIRED, *_OPTIONAL}):
        allowed = [*_REQUIRED, *_OPTIONAL]
        raise ProjectError(
            f"Found unexpected keys in '{_FILE}'. Make sure it only contains the following keys: {allowed}. "
            f"It has {unexpected}."
        )
    named = {key: section[key] for key in section if key != "source_dir"}
    source_dir = _source_dir(project_path, section.get("source_dir", "src"))
    return ProjectMetadata(config_file=file, project_path=project_path, source_dir=source_dir, **named)


def _read_section(file: Path) -> dict[str, Any]:
    if not file.is_file():
        raise ProjectError(
            f"Could not find the project configuration file '{_FILE}' in {file.parent}. "
            "Give the root folder of a Kedro project."
        )
    try:
        with file.open("rb") as opened:
            document = tomllib.load(opened)
    except OSError as error:
        raise ProjectError(f"The project configuration file '{file}' cannot be read: {error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ProjectError(f"Failed to parse '{_FILE}' file. ({file}: {error})") from error
    try:
        section: dict[str, Any] = document["tool"]["kedro"]
    except KeyError as error:
        raise ProjectError(
            f"There's no '[tool.kedro]' section in the '{_FILE}'. (The file is in {file.parent}.)"
        ) from error
    return section


def _check_version(init_version: object) -> None:
    if not isinstance(init_version, str):
        raise ProjectError(f"'kedro_init_version' in '{_FILE}' must be a string, not {init_version!r}.")
    if init_version.partition(".")[0] != kedro_version().partition(".")[0]:
        raise ProjectVersionError(init_version, kedro_version())


def _source_dir(project_path: Path, source_dir: str) -> Path:
    path = (project_path / Path(source_dir).expanduser()).resolve()
    if not path.is_relative_to(project_path):
        raise SourcePathError(path, project_path)
    return path

"""Writes the starter project into a folder."""

import keyword
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from kedro_asgi.errors import StarterError

_TEMPLATE = Path(__file__).parent / "template"
_RENAMED = {Path("gitignore"): Path(".gitignore")}
_FILLED = {Path("pyproject.toml"), Path("README.md")}
_RESERVED = sys.stdlib_module_names | {"kedro", "kedro_asgi", "test"}
_PLACEHOLDER = re.compile(r"\{\{ (\w+) \}\}")


def write_starter(folder: Path, *, project_name: str) -> Path:
    """Write a new project called ``project_name`` into ``folder`` and return the folder's full path.

    The folder must be absent or empty. If anything fails, nothing is written to it.
    """
    package_name = _package_name(project_name)
    folder = folder.expanduser().resolve()
    _check_empty(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".kedro-asgi-", dir=folder.parent) as staging:
        project = Path(staging) / "project"
        _copy_template(project, project_name=project_name, package_name=package_name)
        _move_into_place(project, folder)
    return folder


def _package_name(project_name: str) -> str:
    """Return the import name for a project; raises `StarterError` if its name cannot become one."""
    if not project_name.isprintable():
        raise StarterError(f"Project name {project_name!r} must be one line of printable characters.")
    name = re.sub(r"[^a-z0-9_]+", "_", project_name.lower()).strip("_")
    if not name.isidentifier():
        raise StarterError(
            f"Project name '{project_name}' makes no valid package name: "
            "it needs a letter from a to z, and no digit before that letter."
        )
    if keyword.iskeyword(name):
        raise StarterError(f"Project name '{project_name}' makes the package name '{name}', a Python keyword.")
    if name in _RESERVED:
        raise StarterError(
            f"Project name '{project_name}' makes the package name '{name}', "
            "which would hide the module of that name. Choose another name."
        )
    return name


def _check_empty(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise StarterError(f"'{folder}' is a file; a new project needs an absent or empty folder.")
    if folder.exists() and any(folder.iterdir()):
        raise StarterError(f"Folder '{folder}' is not empty; a new project needs an absent or empty folder.")


def _copy_template(project: Path, *, project_name: str, package_name: str) -> None:
    toml_name = project_name.replace("\\", "\\\\").replace('"', '\\"')
    for source in _template_files():
        path = source.relative_to(_TEMPLATE)
        content = source.read_bytes()
        if path in _FILLED:
            shown = toml_name if path.suffix == ".toml" else project_name
            content = _fill(content, {"project_name": shown, "package_name": package_name})
        target = project / _target(path, package_name)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def _template_files() -> Iterator[Path]:
    """Yield the template's files, without the byte code that installers put beside them."""
    for path in sorted(_TEMPLATE.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path


def _target(path: Path, package_name: str) -> Path:
    """Return the path of a template file in the project; ``.gitignore`` and the package have other names there."""
    path = _RENAMED.get(path, path)
    return Path(*(package_name if part == "__package__" else part for part in path.parts))


def _fill(content: bytes, values: dict[str, str]) -> bytes:
    return _PLACEHOLDER.sub(lambda match: values[match[1]], content.decode()).encode()


def _move_into_place(project: Path, folder: Path) -> None:
    """Move the finished project into place; keep an empty folder, which may be the shell's working directory."""
    if not folder.exists():
        project.rename(folder)
        return
    with ExitStack() as undo:
        for entry in sorted(project.iterdir()):
            moved = entry.rename(folder / entry.name)
            undo.callback(moved.rename, entry)
        undo.pop_all()

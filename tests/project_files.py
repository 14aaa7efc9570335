"""Projects written from texts."""

import itertools
import json
import textwrap
from collections.abc import Mapping
from pathlib import Path

_NUMBERS = itertools.count()


def next_package() -> str:
    """Return the name of a package that no other project of this process has."""
    return f"made_{next(_NUMBERS)}"


def write_project(folder: Path, files: Mapping[str, str]) -> Path:
    """Write a project of ``files``, which maps paths to texts, and return its folder.

    ``{package}`` in either stands for the package's name.
    """
    package = next_package()
    content = {
        "pyproject.toml": pyproject(package),
        "conf/base/catalog.yml": "",
        "conf/local/.gitkeep": "",
        "src/{package}/__init__.py": "",
        "src/{package}/settings.py": "",
        **files,
    }
    for path, text in content.items():
        target = folder / path.replace("{package}", package)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(textwrap.dedent(text).replace("{package}", package), encoding="utf-8")
    return folder


def pyproject(package: str) -> str:
    return f'[tool.kedro]\npackage_name = {json.dumps(package)}\nproject_name = "Made"\nkedro_init_version = "1.7.0"\n'

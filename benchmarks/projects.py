"""The projects that the benchmarks run: two nodes in memory, for either engine, and the starter."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

_REGISTRY = """
from {engine}.pipeline import Pipeline, node


def add(x, y):
    return x + y


def double(x):
    return 2 * x


def register_pipelines():
    return {{
        "__default__": Pipeline([
            node(add, ["params:a", "params:b"], "s", name="add"),
            node(double, "s", "d", name="double"),
        ])
    }}
"""

# Neither engine is measured by what it logs.
SILENCE = (
    "version: 1\ndisable_existing_loggers: false\n"
    "handlers: {silent: {class: logging.NullHandler}}\nroot: {handlers: [silent], level: WARNING}\n"
)


def write_project(folder: Path, *, engine: str, files: Mapping[str, str] | None = None, is_silent: bool = True) -> Path:
    """Write the project into ``folder``; ``engine`` is ``kedro_asgi`` or ``kedro``.

    ``files`` maps paths to texts that replace or join its own; ``{package}`` in a path stands for its package.
    """
    package = f"bench_{engine}"
    content = {
        "pyproject.toml": (
            f'[tool.kedro]\npackage_name = "{package}"\nproject_name = "Bench"\nkedro_init_version = "1.7.0"\n'
        ),
        "conf/base/catalog.yml": "",
        "conf/base/parameters.yml": "a: 1\nb: 2\n",
        "conf/local/.gitkeep": "",
        **({"conf/logging.yml": SILENCE} if is_silent else {}),
        f"src/{package}/__init__.py": "",
        f"src/{package}/settings.py": "",
        f"src/{package}/pipeline_registry.py": _REGISTRY.format(engine=engine),
        **{path.replace("{package}", package): text for path, text in (files or {}).items()},
    }
    for name, text in content.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def write_starter(folder: Path) -> Path:
    """Write the project that ``kedro-asgi new`` writes, and train its model."""
    run = [sys.executable, "-m", "kedro_asgi"]
    subprocess.run([*run, "new", "penguins", "--into", str(folder)], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([*run, "run", str(folder)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return folder

"""The project that the benchmarks run: two nodes in memory, for either engine."""

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
    "handlers: {null: {class: logging.NullHandler}}\nroot: {handlers: [null], level: WARNING}\n"
)


def write_project(folder: Path, *, engine: str) -> Path:
    """Write the project into ``folder``; ``engine`` is ``kedro_asgi`` or ``kedro``."""
    package = f"bench_{engine}"
    files = {
        "pyproject.toml": (
            f'[tool.kedro]\npackage_name = "{package}"\nproject_name = "Bench"\nkedro_init_version = "1.7.0"\n'
        ),
        "conf/base/catalog.yml": "",
        "conf/base/parameters.yml": "a: 1\nb: 2\n",
        "conf/local/.gitkeep": "",
        "conf/logging.yml": SILENCE,
        f"src/{package}/__init__.py": "",
        f"src/{package}/settings.py": "",
        f"src/{package}/pipeline_registry.py": _REGISTRY.format(engine=engine),
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder

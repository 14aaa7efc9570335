"""Copies of the spaceflights project, to run and to change in a test."""

import re
import runpy
import shutil
from pathlib import Path

PROJECT = Path(__file__).parent / "spaceflights"
_VERSION = re.compile(r"\d{4}-\d\d-\d\dT\d\d\.\d\d\.\d\d\.\d{3}Z[^/]*")
_WRITTEN = re.compile(r"\$\{globals:folders\.(models|reporting)\}|data/0[23]_\w+")
_TEXTS = {".py", ".yml", ".toml", ".md"}

# The changes that a user makes to port the project from Kedro.
_PORT = {
    "from kedro.config import OmegaConfigLoader": "from kedro_asgi.config import ConfigLoader",
    "CONFIG_LOADER_CLASS = OmegaConfigLoader": "CONFIG_LOADER_CLASS = ConfigLoader",
    "from kedro.framework.hooks import": "from kedro_asgi.hooks import",
    "from kedro.framework.project import find_pipelines": "from kedro_asgi.project import find_pipelines",
    "from kedro.pipeline import": "from kedro_asgi.pipeline import",
}


def copy_spaceflights(folder: Path, *, package: str = "spaceflights", ported: bool = False) -> Path:
    """Write the project with its raw data into ``folder``, and return the folder.

    ``package`` renames its package, since a process can import only one of a name. ``ported`` replaces the imports
    from ``kedro`` by those from ``kedro_asgi``.
    """
    shutil.copytree(PROJECT, folder, ignore=shutil.ignore_patterns("__pycache__", ".gitkeep"))
    runpy.run_path(str(folder / "scripts" / "make_raw_data.py"))["main"](folder)
    replaced = {"spaceflights": package, **(_PORT if ported else {})}
    for file in [file for file in folder.rglob("*") if file.suffix in _TEXTS]:
        text = file.read_text(encoding="utf-8")
        for old, new in replaced.items():
            text = text.replace(old, new)
        file.write_text(text, encoding="utf-8")
    (folder / "src" / "spaceflights").rename(folder / "src" / package)
    return folder


def add_folder_for_each_run(project: Path) -> str:
    """Add an environment and return its name. In it, a run writes to ``data/runs/<who>``, by a runtime parameter.

    The project itself stays as it is. Concurrent runs then share no files.
    """
    base, each = project / "conf" / "base", project / "conf" / "each"
    shutil.copytree(project / "conf" / "local", each)
    for file in base.glob("catalog*.yml"):
        text = _WRITTEN.sub("data/runs/${runtime_params:who}", file.read_text(encoding="utf-8"))
        (each / file.name).write_text(text, encoding="utf-8")
    return each.name


def outputs(project: Path) -> dict[str, bytes]:
    """Return the files that runs of the project wrote, by path; of several versions the latest, as ``<version>``."""
    files = (file for file in sorted((project / "data").rglob("*")) if file.is_file() and file.parent.name != "01_raw")
    return {
        _VERSION.sub("<version>", file.relative_to(project / "data").as_posix()): file.read_bytes() for file in files
    }

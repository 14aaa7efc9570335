"""A starter project, written once per test session and importable by its own name."""

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from uuid import uuid4

import pytest

from kedro_asgi.starter import write_starter


@pytest.fixture(scope="session")
def starter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a freshly written project; its package is the only one in ``src``."""
    folder = tmp_path_factory.mktemp("starter") / "project"
    return write_starter(folder, project_name=f"starter {uuid4().hex}")


@pytest.fixture
def load(starter: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], ModuleType]]:
    """Return a function that imports a module of the project; afterwards it is removed from ``sys.modules``."""
    package = next(path.name for path in (starter / "src").iterdir())
    monkeypatch.syspath_prepend(starter / "src")
    yield lambda name: importlib.import_module(f"{package}.{name}")
    for module in [name for name in sys.modules if name.partition(".")[0] == package]:
        del sys.modules[module]

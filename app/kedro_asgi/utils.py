"""The helpers that projects import from ``kedro.utils``."""

from importlib import import_module
from typing import Any

from kedro_asgi.pipeline.preview_contract import KedroExperimentalWarning as KedroExperimentalWarning
from kedro_asgi.project import find_kedro_project as find_kedro_project
from kedro_asgi.project import is_kedro_project as is_kedro_project


def load_obj(obj_path: str, default_obj_path: str = "") -> Any:
    """Return the object at ``obj_path``, such as ``package.module.name``; a bare name is in ``default_obj_path``.

    Raises ``ImportError`` for a module that cannot be imported, and ``AttributeError`` for a name that it lacks.
    """
    module, _, name = obj_path.rpartition(".")
    return getattr(import_module(module or default_obj_path), name)

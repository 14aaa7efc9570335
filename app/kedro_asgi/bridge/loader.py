"""The configuration loader that hooks of a Kedro project see."""

from functools import cache
from importlib import import_module
from typing import Any

from kedro_asgi.bridge.errors import kedros_errors
from kedro_asgi.bridge.global_state import is_imported
from kedro_asgi.config import ConfigLoader


def loader_class() -> type[ConfigLoader]:
    """Return `ConfigLoader`; in a Kedro project, one that passes for an ``OmegaConfigLoader`` too."""
    return _kedros_view() if is_imported() else ConfigLoader


class _CatchableLoader(ConfigLoader):
    """Raises errors that ``except kedro.config.MissingConfigException`` catches."""

    def __getitem__(self, key: str) -> Any:
        with kedros_errors():
            return super().__getitem__(key)


@cache
def _kedros_view() -> type[ConfigLoader]:
    kedros = import_module("kedro.config").OmegaConfigLoader
    return type("KedroConfigLoader", (_CatchableLoader, kedros), {"__module__": __name__})

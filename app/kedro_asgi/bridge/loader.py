"""The configuration loader that the hooks of a Kedro project get."""

from functools import cache
from importlib import import_module
from typing import Any

from kedro_asgi.bridge.errors import raise_kedro_errors
from kedro_asgi.bridge.global_state import is_kedro_imported
from kedro_asgi.config import ConfigLoader


def loader_class() -> type[ConfigLoader]:
    """Return `ConfigLoader`; in a Kedro project, a subclass of it and of ``OmegaConfigLoader``."""
    return _kedro_loader_class() if is_kedro_imported() else ConfigLoader


class _CatchableLoader(ConfigLoader):
    """Raises errors that ``except kedro.config.MissingConfigException`` catches."""

    def __getitem__(self, key: str) -> Any:
        with raise_kedro_errors():
            return super().__getitem__(key)


@cache
def _kedro_loader_class() -> type[ConfigLoader]:
    omegaconf_loader = import_module("kedro.config").OmegaConfigLoader
    return type("KedroConfigLoader", (_CatchableLoader, omegaconf_loader), {"__module__": __name__})

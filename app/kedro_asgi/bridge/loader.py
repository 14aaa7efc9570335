"""The configuration loader that the hooks of a Kedro project get."""

from functools import cache
from importlib import import_module

from kedro_asgi.bridge.global_state import is_kedro_imported
from kedro_asgi.config import ConfigLoader


def loader_class() -> type[ConfigLoader]:
    """Return `ConfigLoader`; in a Kedro project, a subclass of it and of ``OmegaConfigLoader``."""
    return _kedro_loader_class() if is_kedro_imported() else ConfigLoader


@cache
def _kedro_loader_class() -> type[ConfigLoader]:
    omegaconf_loader = import_module("kedro.config").OmegaConfigLoader
    names = {"__module__": __name__, "__reduce__": lambda self: (_new_loader, (), self.__dict__)}
    return type("KedroConfigLoader", (ConfigLoader, omegaconf_loader), names)


def _new_loader() -> ConfigLoader:
    """Return a loader for pickle to fill, which cannot find the class by its name."""
    kind = _kedro_loader_class()
    return kind.__new__(kind)

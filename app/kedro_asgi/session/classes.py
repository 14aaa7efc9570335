"""Which classes a project wants its sessions to use."""

from typing import TypeVar

import msgspec

from kedro_asgi.config import AbstractConfigLoader, ConfigLoader
from kedro_asgi.errors import SettingsError
from kedro_asgi.io import DataCatalog, DataCatalogWithCatalogCommandsMixin
from kedro_asgi.session.context import KedroContext
from kedro_asgi.session.store import BaseSessionStore, JSONSessionStore
from kedro_asgi.settings import Settings

T = TypeVar("T")


class SessionClasses(msgspec.Struct, frozen=True, kw_only=True):
    """The classes of one project: ours, unless ``settings.py`` names subclasses of them.

    A ``loader`` of ``None`` is ours, whose configuration is compiled.
    """

    context: type[KedroContext]
    catalog: type[DataCatalog]
    store: type[BaseSessionStore]
    loader: type[AbstractConfigLoader] | None

    @classmethod
    def of(cls, settings: Settings) -> "SessionClasses":
        """Choose the classes; raises `SettingsError` for one that this engine cannot work with (PRJ-18)."""
        loader = _choose("CONFIG_LOADER_CLASS", settings.config_loader_class, AbstractConfigLoader, ConfigLoader)
        return cls(
            context=_choose("CONTEXT_CLASS", settings.context_class, KedroContext, KedroContext),
            catalog=_choose(
                "DATA_CATALOG_CLASS",
                settings.data_catalog_class,
                DataCatalog,
                DataCatalogWithCatalogCommandsMixin,
            ),
            store=_choose("SESSION_STORE_CLASS", settings.session_store_class, BaseSessionStore, JSONSessionStore),
            loader=None if loader is ConfigLoader else loader,
        )


def _choose(setting: str, wanted: type | None, base: type[T], default: type[T]) -> type[T]:
    if wanted is None or _is_kedros_default(wanted):
        return default
    if not issubclass(wanted, base):
        raise SettingsError(
            f"Invalid value '{wanted.__module__}.{wanted.__qualname__}' received for setting '{setting}'. "
            f"It must be a subclass of '{base.__module__}.{base.__qualname__}'."
        )
    return wanted


def _is_kedros_default(kind: type) -> bool:
    """Kedro's own class stands for ours, which does the same; nothing of Kedro is imported to find that out."""
    defaults = {"KedroContext", "OmegaConfigLoader", "DataCatalog", "BaseSessionStore"}
    return kind.__module__.partition(".")[0] == "kedro" and kind.__qualname__ in defaults

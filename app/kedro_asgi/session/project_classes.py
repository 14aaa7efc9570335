"""The classes that a project wants its sessions to use."""

from functools import partial
from typing import Any, TypeVar

import msgspec

from kedro_asgi.bridge import (
    KedroCatalog,
    KedroInstance,
    catalog_class,
    is_kedro_class,
    is_kedro_default,
    is_kedro_imported,
    kedro_class,
)
from kedro_asgi.catalogs import MakeCatalog
from kedro_asgi.config import AbstractConfigLoader, ConfigLoader
from kedro_asgi.errors import SettingsError
from kedro_asgi.errors.wording import class_path
from kedro_asgi.io import DataCatalog
from kedro_asgi.project import Project
from kedro_asgi.session.context import KedroContext
from kedro_asgi.session.context_makers import ContextMaker, KedroContextMaker, OurContextMaker
from kedro_asgi.session.store import BaseSessionStore
from kedro_asgi.settings import Settings

T = TypeVar("T")


class ProjectClasses(msgspec.Struct, frozen=True, kw_only=True):
    """The classes of one project: ours, unless ``settings.py`` names others.

    A ``loader`` of ``None`` is ours, whose configuration is compiled.
    """

    context_maker: ContextMaker
    store: type[BaseSessionStore]
    loader: type | None

    @classmethod
    def of(cls, project: Project) -> "ProjectClasses":
        """Choose the classes; raises `SettingsError` for one that this engine cannot use."""
        settings = project.settings
        loader = _choose("CONFIG_LOADER_CLASS", settings.config_loader_class, AbstractConfigLoader, ConfigLoader)
        return cls(
            context_maker=_contexts(settings, project.package_name),
            store=_choose("SESSION_STORE_CLASS", settings.session_store_class, BaseSessionStore, BaseSessionStore),
            loader=None if loader is ConfigLoader else loader,
        )


class _KedrosContext(KedroInstance, KedroContext):
    """A context that ``isinstance`` in hooks takes for one of Kedro's."""

    __class__: Any = kedro_class("kedro.framework.context.context", "KedroContext")


def _contexts(settings: Settings, package_name: str) -> ContextMaker:
    context = _choose(
        "CONTEXT_CLASS", settings.context_class, KedroContext, _KedrosContext if is_kedro_imported() else KedroContext
    )
    catalog = _choose("DATA_CATALOG_CLASS", settings.data_catalog_class, DataCatalog, catalog_class())
    make_catalog: MakeCatalog = catalog if issubclass(catalog, DataCatalog) else partial(KedroCatalog.of, catalog)
    if issubclass(context, KedroContext):
        return OurContextMaker(context, make_catalog, is_custom=context not in (KedroContext, _KedrosContext))
    return KedroContextMaker(context, settings.data_catalog_class, package_name)


def _choose(setting: str, wanted: Any, base: type[T], default: type[T]) -> Any:
    """Return the class that the project wants, which may be derived from ours or from Kedro's."""
    if wanted is None or is_kedro_default(wanted):
        return default
    if not (issubclass(wanted, base) or is_kedro_class(wanted, base.__qualname__)):
        raise SettingsError(
            f"Invalid value '{class_path(wanted)}' received for setting '{setting}'. "
            f"It must be a subclass of '{class_path(base)}'."
        )
    return wanted

"""The global state of Kedro: which project the process works for."""

import logging
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from importlib import import_module
from importlib.metadata import version
from typing import Any

from kedro_asgi.bridge.import_hook import FRAMEWORK, KedroImportHook
from kedro_asgi.bridge.logging_state import preserve_logging
from kedro_asgi.bridge.package_source import may_import_kedro
from kedro_asgi.errors import KedroVersionError

_log = logging.getLogger(__name__)
_OLDEST, _NEWEST = (1, 0), (1, 7)

# Kedro knows one project at a time, so only one thread at a time loads a registry.
_ONE_PROJECT = threading.RLock()


def is_kedro_imported() -> bool:
    """Tell whether the process has imported Kedro; otherwise there is nothing to bridge."""
    return "kedro" in sys.modules


def is_kedro_class(kind: type, name: str) -> bool:
    """Tell whether ``kind`` is Kedro's class ``name``, or a subclass of it."""
    return any(base.__qualname__ == name and base.__module__.partition(".")[0] == "kedro" for base in kind.__mro__)


def is_kedro_default(kind: type) -> bool:
    """Tell whether ``kind`` is one of Kedro's own classes that stand for ours; imports nothing of Kedro."""
    defaults = {"KedroContext", "OmegaConfigLoader", "DataCatalog", "BaseSessionStore"}
    return kind.__module__.partition(".")[0] == "kedro" and kind.__qualname__ in defaults


def configure_kedro(package_name: str) -> None:
    """Configure Kedro for ``package_name``: now, or when the process imports Kedro's framework.

    A package that does not need Kedro does not wait for a project that is being loaded.
    """
    KedroImportHook.installed().on_import = partial(_configure, package_name, None)
    if FRAMEWORK in sys.modules and _ONE_PROJECT.acquire(blocking=may_import_kedro(package_name)):
        try:
            with preserve_logging():
                _configure(package_name, None)
        finally:
            _ONE_PROJECT.release()


@contextmanager
def kedro_configured(package_name: str, requested: Iterable[str] | None, *, is_needed: bool = True) -> Iterator[None]:
    """Configure Kedro for ``package_name`` while the block loads the project's registry.

    Kedro's ``find_pipelines`` needs this. ``requested`` are the pipelines that it looks for; ``None`` means all.
    Afterwards Kedro's ``settings`` and ``pipelines`` stay with the project that was loaded last. If Kedro is not
    needed, the block waits for no other project, and no other project waits for it.
    """
    configure = partial(_configure, package_name, requested)
    with ExitStack() as turn:
        if _ONE_PROJECT.acquire(blocking=is_needed):
            turn.callback(_ONE_PROJECT.release)
            if FRAMEWORK in sys.modules:
                with preserve_logging():
                    configure()
        if not is_needed:
            turn.close()
        with preserve_logging(), KedroImportHook.installed().calling(configure):
            yield


def _configure(package_name: str, requested: Iterable[str] | None) -> None:
    """Takes no lock: the import hook calls this in a thread that holds the lock of a module."""
    framework: Any = import_module(FRAMEWORK)
    if package_name != framework.PACKAGE_NAME:
        _configure_project(framework, package_name)
    set_requested = getattr(framework.pipelines, "set_requested", None)
    if set_requested is not None:
        set_requested(None if requested is None else sorted(requested))


def _configure_project(framework: Any, package_name: str) -> None:
    """A project that does not use Kedro may name classes that Kedro refuses: its load must not fail for that."""
    try:
        framework.configure_project(package_name)
    except Exception as error:
        _log.info("Kedro cannot be configured for package '%s', which may not need it: %s", package_name, error)


def check_kedro_version() -> None:
    """Raise `KedroVersionError` if the imported Kedro is too old for the bridge; warn if it is newer."""
    if not is_kedro_imported():
        return
    installed = version("kedro")
    release = tuple(int(part) for part in installed.split(".")[:2] if part.isdigit())
    if release < _OLDEST:
        raise KedroVersionError(installed, "1.0", "1.7")
    if release > _NEWEST:
        _log.warning(
            "Kedro %s is newer than 1.7, the latest that kedro-asgi supports: new features may not work.", installed
        )

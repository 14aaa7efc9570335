"""The state that Kedro keeps for the whole process: which project it works for."""

import logging
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from importlib.metadata import version
from typing import Any

from kedro_asgi.bridge.importing import FRAMEWORK, FrameworkWatch
from kedro_asgi.bridge.logs import logging_left_alone
from kedro_asgi.errors import KedroVersionError

_log = logging.getLogger(__name__)
_OLDEST, _NEWEST = (1, 0), (1, 7)

# Kedro knows one project at a time, so projects are loaded one after the other.
_ONE_PROJECT = threading.RLock()


def is_imported() -> bool:
    """Tell whether the project imported Kedro; only then is there anything to bridge."""
    return "kedro" in sys.modules


def is_kedros(kind: type, name: str) -> bool:
    """Tell whether ``kind`` is Kedro's class ``name``, or descends from it."""
    return any(base.__qualname__ == name and base.__module__.partition(".")[0] == "kedro" for base in kind.__mro__)


def configure(package_name: str) -> None:
    """Let Kedro work for ``package_name`` from now on, as soon as somebody imports what it knows of projects with."""
    FrameworkWatch.of_process().then = partial(_work_for, package_name, None)
    if FRAMEWORK in sys.modules:
        with _ONE_PROJECT, logging_left_alone():
            _work_for(package_name, None)


@contextmanager
def configured(package_name: str, requested: Iterable[str] | None) -> Iterator[None]:
    """Let Kedro work for ``package_name``, as its ``find_pipelines`` needs, while its registry is loaded.

    Its other globals (``settings``, ``pipelines``) stay with the project that was loaded last. ``requested`` are the
    pipelines to find (PRJ-26); ``None`` is all.
    """
    work = partial(_work_for, package_name, requested)
    with _ONE_PROJECT, logging_left_alone(), FrameworkWatch.of_process().calling(work):
        if FRAMEWORK in sys.modules:
            work()
        yield


def _work_for(package_name: str, requested: Iterable[str] | None) -> None:
    """No lock is taken here: whoever imports Kedro in this moment holds that of the module."""
    framework: Any = import_module(FRAMEWORK)
    if package_name != framework.PACKAGE_NAME:
        _configure(framework, package_name)
    set_requested = getattr(framework.pipelines, "set_requested", None)
    if set_requested is not None:
        set_requested(None if requested is None else sorted(requested))


def _configure(framework: Any, package_name: str) -> None:
    """A project of ours in the same process may have classes that Kedro does not take, and has no need of it."""
    try:
        framework.configure_project(package_name)
    except Exception as error:
        _log.info("Kedro cannot be configured for package '%s', which may not need it: %s", package_name, error)


def check_version() -> None:
    """Say in one line when the project's Kedro is not one that this bridge was made for.

    Raises `KedroVersionError` for an older one; warns of a newer one.
    """
    if not is_imported():
        return
    installed = version("kedro")
    release = tuple(int(part) for part in installed.split(".")[:2] if part.isdigit())
    if release < _OLDEST:
        raise KedroVersionError(installed, "1.0", "1.7")
    if release > _NEWEST:
        _log.warning(
            "Kedro %s is newer than 1.7, the latest that this bridge knows: what is new may not work.", installed
        )

"""What runs that begin now work with, and how it is replaced."""

import logging
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from kedro_asgi.errors import PreloadError
from kedro_asgi.io import Artifact, DataCatalog
from kedro_asgi.plan import Planner
from kedro_asgi.redaction import redact
from kedro_asgi.session.artifacts import check_reload, preloaded, resaved, tell
from kedro_asgi.session.reload_signal import RELOAD_SIGNAL_VARIABLE, ReloadSignal

_log = logging.getLogger(__name__)


class SharedState(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One reading of the project's configuration, and the artifacts that go with it."""

    planner: Planner
    artifacts: Mapping[str, Artifact] = {}


class SharedProject:
    """Holds what is live, and replaces it as a whole; thread-safe.

    ``make_catalog`` makes a catalog as a run without parameters has it: artifacts are loaded as runs would load
    them, since hooks may bring credentials or change the catalog.
    """

    def __init__(self, planner: Planner, make_catalog: Callable[[Planner], Any]) -> None:
        self.current = SharedState(planner=planner)
        self._make_catalog = make_catalog
        self._lock = threading.Lock()
        self._names: tuple[str, ...] = ()
        self._reloads: ReloadSignal | None = None
        self._saves: ReloadSignal | None = None

    def begin(self) -> SharedState:
        """Return what a run that begins now works with until it ends, whatever is replaced meanwhile."""
        if self._reloads is not None and self._reloads.news():
            self._hear(self._reloads, self._reload)
        if self._saves is not None and self._saves.news():
            self._hear(self._saves, self._load_again)
        return self.current

    def preload(self, names: Iterable[str]) -> None:
        """Load datasets, by name or pattern, once for all runs; what cannot be loaded is left to the runs.

        Raises `UnknownPreloadError`, and `PreloadError` for a catalog that cannot share.
        """
        with self._lock:
            self._names = tuple(names)
            if path := os.environ.get(RELOAD_SIGNAL_VARIABLE):
                self._reloads = ReloadSignal(Path(path))
                self._saves = ReloadSignal(Path(f"{path}.saves")) if self._names else None
            artifacts = self._load(self.current.planner)
            self._replace(self.current.planner, artifacts)

    def reload(self) -> None:
        """Read the configuration and load the artifacts again.

        Raises what is wrong with either, and leaves everything as it was then.
        """
        with self._lock:
            self._reload()
            _tell_others(self._reloads)

    def renew(self, catalog: DataCatalog) -> None:
        """Replace what the run of ``catalog`` has saved, all at once; also if it failed afterwards."""
        with self._lock:
            saved = resaved(self.current.artifacts, catalog)
            self.current = msgspec.structs.replace(self.current, artifacts={**self.current.artifacts, **saved})
            _tell_others(self._saves)
        tell(saved)

    def _reload(self) -> None:
        self._load_again(self.current.planner.renewed())

    def _load_again(self, planner: Planner | None = None) -> None:
        """Load the artifacts again, as the configuration says that was read before unless there is a new one."""
        planner = planner or self.current.planner
        artifacts = self._load(planner)
        check_reload(artifacts, self.current.artifacts)
        self._replace(planner, artifacts)

    def _replace(self, planner: Planner, artifacts: Mapping[str, Artifact]) -> None:
        self.current = SharedState(planner=planner, artifacts=artifacts)
        tell(artifacts)

    def _load(self, planner: Planner) -> dict[str, Artifact]:
        if not self._names:
            return {}
        catalog = self._make_catalog(planner)
        if not isinstance(catalog, DataCatalog):
            raise PreloadError(self._names[0], "a DATA_CATALOG_CLASS or CONTEXT_CLASS of Kedro's cannot share values")
        pipelines = planner.project.pipelines.load().values()
        return preloaded(self._names, catalog, sorted({name for found in pipelines for name in found.datasets()}))

    def _hear(self, stamp: ReloadSignal, read: Callable[[], None]) -> None:
        """Another process has replaced something: read it before a run begins that may ask for it."""
        with self._lock:
            news = stamp.news()
            if news is None:
                return
            try:
                read()
            except Exception as error:  # datasets and hooks of a project may raise anything
                _log.warning("What another process has replaced cannot be read: %s", redact(str(error)))
            stamp.heed(news)


def _tell_others(stamp: ReloadSignal | None) -> None:
    if stamp is not None:
        stamp.renew()

"""The state that runs share: the compiled project and its artifacts, and how both are replaced."""

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
from kedro_asgi.session.artifacts import check_reload, load_artifacts, load_missing, log_artifacts, renew_artifacts
from kedro_asgi.session.reload_signal import RELOAD_SIGNAL_VARIABLE, ReloadSignal

_log = logging.getLogger(__name__)


class SharedState(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One reading of the project's configuration, and the artifacts that go with it."""

    planner: Planner
    artifacts: Mapping[str, Artifact] = {}


class SharedProject:
    """Holds the current state of a project, and replaces it as a whole; thread-safe.

    A run takes `current` when it begins and keeps it until it ends. ``make_catalog`` makes a catalog as a run without
    parameters has it: artifacts are loaded as runs would load them, since hooks may bring credentials or change the
    catalog.
    """

    def __init__(self, planner: Planner, make_catalog: Callable[[Planner], Any]) -> None:
        self.current = SharedState(planner=planner)
        self._make_catalog = make_catalog
        self._lock = threading.Lock()
        self._names: tuple[str, ...] = ()
        self._reloads: ReloadSignal | None = None
        self._saves: ReloadSignal | None = None
        self.has_signals = False
        """Whether other processes may replace something, so that a run reads their signals before it begins."""

    def read_signals(self) -> None:
        """Read again what other processes have replaced, before a run begins."""
        self.read_reloads()
        if self._saves is not None and self._saves.pending():
            self._react(self._saves, self._reload_artifacts)

    def read_reloads(self) -> None:
        """Read the configuration and the artifacts again, if another process did."""
        if self._reloads is not None and self._reloads.pending():
            self._react(self._reloads, self._reload)

    def preload(self, names: Iterable[str], *, reload_signal: str | Path | None = None) -> None:
        """Load datasets, by name or pattern, once for all runs; a run loads itself what cannot be loaded here.

        ``reload_signal`` is the file by which processes tell each other what they replaced. Raises
        `UnknownPreloadError`, and `PreloadError` for a catalog that cannot share.
        """
        with self._lock:
            self._names = tuple(names)
            if path := reload_signal or os.environ.get(RELOAD_SIGNAL_VARIABLE):
                self._reloads = ReloadSignal(Path(path))
                self._saves = ReloadSignal(Path(f"{path}.saves")) if self._names else None
                self.has_signals = True
            artifacts = self._load(self.current.planner)
            self._replace(self.current.planner, artifacts)

    def reload(self) -> None:
        """Read the configuration and load the artifacts again.

        Raises the errors of either; nothing has changed then.
        """
        with self._lock:
            self._reload()
            _send(self._reloads)

    def renew(self, catalog: DataCatalog) -> None:
        """Replace the artifacts that the run of ``catalog`` has changed or found, all at once; also if it failed."""
        run = catalog.artifacts
        if run is None or not (run.changed or run.appeared):
            return
        with self._lock:
            renewed = renew_artifacts(self.current.artifacts, catalog)
            self._put(renewed)
            if run.changed:
                _send(self._saves)
        log_artifacts(renewed)

    def load_missing(self) -> None:
        """Try again to load the artifacts that are missing, unless another thread is replacing artifacts already.

        Raises what making a catalog raises.
        """
        if not self._lock.acquire(blocking=False):
            return
        try:
            if any(artifact.is_missing for artifact in self.current.artifacts.values()):
                tried = load_missing(self.current.artifacts, self._make_catalog(self.current.planner))
                self._put(tried)
                log_artifacts({name: artifact for name, artifact in tried.items() if not artifact.is_missing})
        finally:
            self._lock.release()

    def _put(self, artifacts: Mapping[str, Artifact]) -> None:
        self.current = msgspec.structs.replace(self.current, artifacts={**self.current.artifacts, **artifacts})

    def _reload(self) -> None:
        self._reload_artifacts(self.current.planner.renewed())

    def _reload_artifacts(self, planner: Planner | None = None) -> None:
        """Load the artifacts again, by the configuration of ``planner``, or by the current one."""
        planner = planner or self.current.planner
        artifacts = self._load(planner)
        check_reload(artifacts, self.current.artifacts)
        self._replace(planner, artifacts)

    def _replace(self, planner: Planner, artifacts: Mapping[str, Artifact]) -> None:
        self.current = SharedState(planner=planner, artifacts=artifacts)
        log_artifacts(artifacts)

    def _load(self, planner: Planner) -> dict[str, Artifact]:
        if not self._names:
            return {}
        catalog = self._make_catalog(planner)
        if not isinstance(catalog, DataCatalog):
            raise PreloadError(self._names[0], "a DATA_CATALOG_CLASS or CONTEXT_CLASS of Kedro's cannot share values")
        pipelines = planner.project.pipelines.load().values()
        return load_artifacts(self._names, catalog, sorted({name for found in pipelines for name in found.datasets()}))

    def _react(self, signal: ReloadSignal, read: Callable[[], None]) -> None:
        """Read what another process has replaced, once, however many runs begin at the same time."""
        with self._lock:
            stamp = signal.pending()
            if stamp is None:
                return
            try:
                read()
            except Exception as error:  # datasets and hooks of a project may raise anything
                _log.warning(
                    "The configuration or artifacts that another process has reloaded cannot be read: %s",
                    redact(str(error)),
                )
            signal.acknowledge(stamp)


def _send(signal: ReloadSignal | None) -> None:
    if signal is not None:
        signal.send()

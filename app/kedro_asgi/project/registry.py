"""A project's pipelines: what its ``pipeline_registry`` registers, loaded on first need."""

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from importlib import import_module

import msgspec

from kedro_asgi.bridge import (
    as_kedro_pipeline,
    check_kedro_version,
    convert_pipelines,
    is_kedro_imported,
    kedro_configured,
)
from kedro_asgi.errors import PipelineNotFoundError, RegistryError
from kedro_asgi.pipeline import Pipeline

DEFAULT = "__default__"


class Discovery(msgspec.Struct, frozen=True, kw_only=True):
    """Which package ``find_pipelines`` looks into, and which pipelines it is asked for; ``None`` is all."""

    package_name: str
    requested: frozenset[str] | None = None


# Lets a registry call find_pipelines() without arguments while several projects load in one process: the
# value belongs to the loading thread alone and is taken back when the load ends.
_DISCOVERY: ContextVar[Discovery | None] = ContextVar("kedro_asgi_discovery", default=None)


def current_discovery() -> Discovery | None:
    """Return what the registry that this thread is loading looks for."""
    return _DISCOVERY.get()


@contextmanager
def _discovering(discovery: Discovery) -> Iterator[None]:
    token = _DISCOVERY.set(discovery)
    try:
        yield
    finally:
        _DISCOVERY.reset(token)


class PipelineRegistry:
    """Calls ``register_pipelines`` once for each set of requested names and keeps the answer (PRJ-23, PRJ-26).

    Thread-safe. A load that failed is tried again on the next access (PRJ-25).
    """

    def __init__(self, package_name: str) -> None:
        self._package_name = package_name
        self._lock = threading.RLock()
        self._loaded: dict[frozenset[str] | None, Mapping[str, Pipeline]] = {}

    def load(self, requested: Iterable[str] | None = None) -> Mapping[str, Pipeline]:
        """Return the registered pipelines by name; ``requested`` spares `find_pipelines` the others (PRJ-27)."""
        names = None if requested is None else frozenset(requested)
        if names is not None and DEFAULT in names:
            names = None
        with self._lock:
            if names not in self._loaded:
                self._loaded[names] = self._register(names)
            return self._loaded[names]

    def combine(self, names: tuple[str, ...], *, selective: bool) -> Pipeline:
        """Return the union of the named pipelines (SES-7); raises `PipelineNotFoundError` with close matches.

        ``selective`` loads only what is asked for, so that a broken sibling does no harm (PRJ-35).
        """
        names = names or (DEFAULT,)
        pipelines = self._load_only(names) if selective else self.load()
        combined = Pipeline([])
        for name in names:
            if name not in pipelines:
                raise PipelineNotFoundError(name, self.load() if selective else pipelines)
            combined = combined + pipelines[name]
        return as_kedro_pipeline(combined)

    def _register(self, requested: frozenset[str] | None) -> Mapping[str, Pipeline]:
        discovery = Discovery(package_name=self._package_name, requested=requested)
        with kedro_configured(self._package_name, requested), _discovering(discovery):
            module = import_module(f"{self._package_name}.pipeline_registry")
            check_kedro_version()
            pipelines = module.register_pipelines()
        if not isinstance(pipelines, Mapping):
            raise RegistryError(self._package_name, f"returned {type(pipelines).__name__}, not a mapping by name")
        return convert_pipelines(pipelines) if is_kedro_imported() else pipelines

    def _load_only(self, names: tuple[str, ...]) -> Mapping[str, Pipeline]:
        """Kedro's ``find_pipelines`` fails for a name that it does not find; then all names are of use (Q-7).

        So they are to a registry that puts its default together from pipelines that a run by name does not look for.
        """
        try:
            return self.load(names)
        except (ImportError, KeyError):
            return self.load()

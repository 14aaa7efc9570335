"""The pipelines that a project's ``pipeline_registry`` registers, loaded when they are first needed."""

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
    may_import_kedro,
)
from kedro_asgi.errors import PipelineNotFoundError, RegistryError
from kedro_asgi.failures import failure_sentence
from kedro_asgi.pipeline import Pipeline
from kedro_asgi.project.pipeline_modules import import_error, pipeline_modules
from kedro_asgi.reserved_names import DEFAULT_PIPELINE


class Discovery(msgspec.Struct, frozen=True, kw_only=True):
    """The package in which ``find_pipelines`` looks, and the pipelines that are requested; ``None`` means all."""

    package_name: str
    requested: frozenset[str] | None = None


# A registry calls find_pipelines() without saying for which project, and several projects may load at a time. Only the
# thread that loads a registry sees this value.
_DISCOVERY: ContextVar[Discovery | None] = ContextVar("kedro_asgi_discovery", default=None)


def current_discovery() -> Discovery | None:
    """Return the discovery of the registry that this thread is loading."""
    return _DISCOVERY.get()


@contextmanager
def _discovering(discovery: Discovery) -> Iterator[None]:
    token = _DISCOVERY.set(discovery)
    try:
        yield
    finally:
        _DISCOVERY.reset(token)


class PipelineRegistry:
    """Calls ``register_pipelines`` once for each set of requested names and keeps the result.

    Thread-safe. After a load that failed, the next access loads again.
    """

    def __init__(self, package_name: str) -> None:
        self._package_name = package_name
        self._lock = threading.RLock()
        self._loaded: dict[frozenset[str] | None, Mapping[str, Pipeline]] = {}

    def load(self, requested: Iterable[str] | None = None) -> Mapping[str, Pipeline]:
        """Return the registered pipelines by name; `find_pipelines` then skips those that are not ``requested``."""
        names = None if requested is None else frozenset(requested)
        if names is not None and DEFAULT_PIPELINE in names:
            names = None
        with self._lock:
            if names not in self._loaded:
                self._loaded[names] = self._register(names)
            return self._loaded[names]

    def has_loaded(self, name: str) -> bool:
        """Whether a pipeline of this name is among those that were loaded by now; waits for no thread that loads."""
        return any(name in pipelines for pipelines in tuple(self._loaded.values()))

    def combine(self, names: tuple[str, ...], *, selective: bool) -> Pipeline:
        """Return the union of the named pipelines; raises `PipelineNotFoundError` with close matches.

        ``selective`` loads the named pipelines only, so that a broken one among the others does not matter (PRJ-35).
        """
        names = tuple(dict.fromkeys(names)) or (DEFAULT_PIPELINE,)
        pipelines = self._load_selected(names) if selective else self.load()
        combined = Pipeline([])
        for name in names:
            if name not in pipelines:
                known = self.load() if selective else pipelines
                error = self._import_errors([name]).get(name)
                raise PipelineNotFoundError(name, known, failure_sentence(error) if error else "") from error
            combined = combined + pipelines[name]
        return as_kedro_pipeline(combined)

    def broken(self) -> Mapping[str, Exception]:
        """Return the modules of pipelines that are not registered because Python cannot import them.

        ``find_pipelines`` only warns of such a module, so that one broken pipeline does not stop the others.
        """
        return self._import_errors(sorted(set(pipeline_modules(self._package_name)) - self.load().keys()))

    def _import_errors(self, names: Iterable[str]) -> dict[str, Exception]:
        known = set(pipeline_modules(self._package_name))
        with kedro_configured(self._package_name, None):
            found = {name: import_error(self._package_name, name) for name in names if name in known}
        return {name: error for name, error in found.items() if error is not None}

    def _register(self, requested: frozenset[str] | None) -> Mapping[str, Pipeline]:
        discovery = Discovery(package_name=self._package_name, requested=requested)
        is_needed = may_import_kedro(self._package_name)
        with kedro_configured(self._package_name, requested, is_needed=is_needed), _discovering(discovery):
            module = import_module(f"{self._package_name}.pipeline_registry")
            check_kedro_version()
            pipelines = module.register_pipelines()
        if not isinstance(pipelines, Mapping):
            raise RegistryError(self._package_name, f"returned {type(pipelines).__name__}, not a mapping by name")
        converted = convert_pipelines(pipelines) if is_kedro_imported() else pipelines
        # A project may register None in place of a pipeline that it leaves out (SRV-43).
        return {name: pipeline for name, pipeline in converted.items() if pipeline is not None}

    def _load_selected(self, names: tuple[str, ...]) -> Mapping[str, Pipeline]:
        """Load the named pipelines; load all if that fails.

        Kedro's ``find_pipelines`` raises for an unknown name, before `combine` can suggest close matches (Q-7). And a
        registry may combine its default from pipelines that were not requested.
        """
        try:
            return self.load(names)
        except (ImportError, KeyError):
            return self.load()

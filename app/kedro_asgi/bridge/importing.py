"""Notice when somebody imports the part of Kedro that knows of projects, be it from within a node."""

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType

from kedro_asgi.bridge.logs import logging_left_alone

FRAMEWORK = "kedro.framework.project"
_WATCHED = "kedro."


class _Imports(threading.local):
    """How deep this thread is in imports that are watched, and whether Kedro's module was among them."""

    depth = 0
    has_framework = False


class FrameworkWatch(MetaPathFinder):
    """Finds Kedro's modules as others do, and calls ``then`` as soon as the one that knows of projects is there.

    That is when the whole import has ended that led to it: Kedro looks at its other modules when it is configured.
    """

    then: Callable[[], None] | None = None

    def __init__(self) -> None:
        self._imports = _Imports()

    @classmethod
    def of_process(cls) -> "FrameworkWatch":
        """Return the one that this process has, among its finders of modules."""
        found = next((finder for finder in sys.meta_path if isinstance(finder, cls)), None)
        if found is None:
            found = cls()
            sys.meta_path.insert(0, found)
        return found

    @contextmanager
    def calling(self, then: Callable[[], None]) -> Iterator[None]:
        """Call ``then`` instead, for a while."""
        before, self.then = self.then, then
        try:
            yield
        finally:
            self.then = before

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(fullname, path, target) if fullname.startswith(_WATCHED) else None
        if spec is None or not isinstance(spec.loader, SourceFileLoader):
            return None
        spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec

    @contextmanager
    def importing(self, name: str) -> Iterator[None]:
        """Take note of an import of this thread, which may lead to others."""
        imports = self._imports
        imports.depth += 1
        try:
            yield
            imports.has_framework |= name == FRAMEWORK
        finally:
            imports.depth -= 1
        if imports.has_framework and not imports.depth:
            imports.has_framework = False
            if self.then is not None:
                self.then()


class _Loader(SourceFileLoader):
    def exec_module(self, module: ModuleType) -> None:
        with logging_left_alone(), FrameworkWatch.of_process().importing(module.__name__):
            super().exec_module(module)

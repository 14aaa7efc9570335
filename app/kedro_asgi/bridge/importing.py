"""Notice when somebody imports the part of Kedro that knows of projects, be it from within a node."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType

from kedro_asgi.bridge.logs import logging_left_alone

FRAMEWORK = "kedro.framework.project"


class FrameworkWatch(MetaPathFinder):
    """Finds Kedro's module as others do; when its code has run, and before its importer goes on, ``then`` is called."""

    then: Callable[[], None] | None = None

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
        spec = PathFinder.find_spec(fullname, path, target) if fullname == FRAMEWORK else None
        if spec is None or not isinstance(spec.loader, SourceFileLoader):
            return None
        spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec


class _Loader(SourceFileLoader):
    def exec_module(self, module: ModuleType) -> None:
        with logging_left_alone():
            super().exec_module(module)
            if then := FrameworkWatch.of_process().then:
                then()

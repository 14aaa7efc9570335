"""An import hook that reports when a thread imports Kedro's framework, even from within a node."""

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType

from kedro_asgi.bridge.logging_state import preserve_logging

FRAMEWORK = "kedro.framework.project"


class _ThreadImports(threading.local):
    """How many imports of Kedro's modules this thread is in, and whether the framework was among them.

    ``on_import`` is this thread's own, in a block of `KedroImportHook.calling`: several projects load at a time.
    """

    depth = 0
    has_framework = False
    on_import: Callable[[], None] | None = None


class KedroImportHook(MetaPathFinder):
    """Finds Kedro's modules as Python does, and calls ``on_import`` once the framework is imported.

    The call waits for the end of the outermost import: when Kedro is configured, it looks at its other modules.
    """

    on_import: Callable[[], None] | None = None

    def __init__(self) -> None:
        self._imports = _ThreadImports()

    @classmethod
    def installed(cls) -> "KedroImportHook":
        """Return the hook of this process; install it first if there is none."""
        hook = next((finder for finder in sys.meta_path if isinstance(finder, cls)), None)
        if hook is None:
            hook = cls()
            sys.meta_path.insert(0, hook)
        return hook

    @contextmanager
    def calling(self, on_import: Callable[[], None]) -> Iterator[None]:
        """Replace ``on_import`` for this thread, in the block."""
        before, self._imports.on_import = self._imports.on_import, on_import
        try:
            yield
        finally:
            self._imports.on_import = before

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(fullname, path, target) if fullname.startswith("kedro.") else None
        if spec is None or not isinstance(spec.loader, SourceFileLoader):
            return None
        spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec

    @contextmanager
    def importing(self, name: str) -> Iterator[None]:
        """Note that this thread imports the module ``name`` in the block; the module may import others."""
        imports = self._imports
        imports.depth += 1
        try:
            yield
            imports.has_framework |= name == FRAMEWORK
        finally:
            imports.depth -= 1
        if imports.has_framework and not imports.depth:
            imports.has_framework = False
            on_import = imports.on_import or self.on_import
            if on_import is not None:
                on_import()


class _Loader(SourceFileLoader):
    def exec_module(self, module: ModuleType) -> None:
        with preserve_logging(), KedroImportHook.installed().importing(module.__name__):
            super().exec_module(module)

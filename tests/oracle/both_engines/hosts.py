"""The engines behind one interface. A process holds one of them."""

import inspect
import os
from importlib import import_module
from pathlib import Path
from typing import Any

from both_engines import recording

# Most cases import these; the host does so once, and each case's process inherits them.
_LIBRARIES = (
    "anyio._backends._asyncio",
    "fsspec.implementations.local",
    "httpx",
    "omegaconf",
    "requests",
    "rich.progress",
    "starlette.testclient",
)
# The same for the parts of Kedro. Our host leaves them out: when a project imports them is part of the cases.
_PARTS_OF_KEDRO = (
    "kedro.framework.context",
    "kedro.framework.session.store",
    "kedro.validation.parameter_validator",
    "kedro_datasets.json",
    "kedro_datasets.pickle",
    "kedro_datasets.text",
    "kedro_telemetry.plugin",
)


class Host:
    """An engine in this process, with its public parts under the same names for all engines."""

    name: str

    def __init__(self) -> None:
        modules = self._modules()
        self.project: Any = import_module(modules["project"])
        self.session: Any = import_module(modules["session"])
        self.runner: Any = import_module(modules["runner"])
        self.server: Any = import_module(modules["server"])
        for library in _LIBRARIES:
            import_module(library)
        # Kedro's settings ask ``inspect`` for their callers; this fills its cache of all modules' files.
        inspect.stack()

    def source(self, text: str) -> str:
        """Return Python source that imports from this engine."""
        raise NotImplementedError

    def error_type(self, error: BaseException) -> str:
        """Return Kedro's name for an error's class."""
        raise NotImplementedError

    def _modules(self) -> dict[str, str]:
        raise NotImplementedError


class Kedro(Host):
    """Kedro itself."""

    name = "kedro"

    def __init__(self, folder: Path) -> None:
        logging_config = folder / "logging.yml"
        logging_config.write_text(recording.KEDROS_LOGGING)
        os.environ["KEDRO_LOGGING_CONFIG"] = str(logging_config)
        os.environ["KEDRO_LOGGING_MODULE_ALLOWLIST"] = "both_engines.recording"
        super().__init__()
        for part in _PARTS_OF_KEDRO:
            import_module(part)
        # The first dataset in memory imports pandas, which takes seconds; children inherit it.
        import_module("kedro.io").MemoryDataset(1).load()

    def source(self, text: str) -> str:
        return text

    def error_type(self, error: BaseException) -> str:
        return type(error).__qualname__

    def _modules(self) -> dict[str, str]:
        return {
            "project": "kedro.framework.startup",
            "session": "kedro.framework.session",
            "runner": "kedro.runner",
            "server": "kedro.server.http_server",
        }


class KedroAsgi(Host):
    """Ours."""

    name = "kedro_asgi"

    def __init__(self, folder: Path) -> None:
        super().__init__()
        import_module("pandas")
        self._errors = import_module("kedro_asgi.errors")
        self._dialect = import_module("both_engines.dialect")

    def source(self, text: str) -> str:
        translated: str = self._dialect.ours(text)
        return translated

    def error_type(self, error: BaseException) -> str:
        name: str = self._errors.error_type(error)
        return name

    def _modules(self) -> dict[str, str]:
        return {name: f"kedro_asgi.{name}" for name in ("project", "session", "runner", "server")}


class Bridged(KedroAsgi):
    """Ours, with a project that imports Kedro."""

    name = "bridged"

    def source(self, text: str) -> str:
        return text


HOSTS: dict[str, type[Kedro] | type[KedroAsgi]] = {host.name: host for host in (Kedro, KedroAsgi, Bridged)}

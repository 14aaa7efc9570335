"""What an entry means in its project and environment."""

from pathlib import Path
from typing import Any

from kedro_asgi.io.class_path import DatasetClasses
from kedro_asgi.io.credentials import Credentials
from kedro_asgi.io.definition import Definition
from kedro_asgi.io.paths import ProjectPaths
from kedro_asgi.runs import RuntimeParams


class EntryReader:
    """Turns what entries say into definitions of datasets, with the paths and credentials of one environment.

    All recipes of a catalog share one; it never changes, but for the classes that it has found.
    """

    def __init__(self, credentials: Credentials, project_path: Path | None) -> None:
        self.credentials = credentials
        self._classes = DatasetClasses()
        self._paths = None if project_path is None else ProjectPaths(project_path)

    def placed(self, config: Any) -> Any:
        """Return ``config`` with paths made absolute, if this catalog belongs to a project (CAT-12, CAT-13)."""
        return config if self._paths is None else self._paths.absolutised(config)

    def ready(self, config: Any, runtime: RuntimeParams) -> Any:
        """Return ``config`` with paths and credentials in place."""
        return self.credentials.put_into(self.placed(config), runtime)

    def define(self, name: str, config: Any, runtime: RuntimeParams) -> Definition:
        return Definition.from_config(name, self.ready(config, runtime), self._classes.find)

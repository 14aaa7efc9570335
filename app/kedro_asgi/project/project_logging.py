"""The logging configuration of the project, under the names that projects import from Kedro."""

import logging.config
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kedro_asgi.errors import LoggingConfigError
from kedro_asgi.project.bootstrap import current_project, loaded_project
from kedro_asgi.project.logging_config import checked_logging_config, logging_file, read_logging_file


class ProjectLogging(Mapping[str, Any]):
    """The configuration that ``KEDRO_LOGGING_CONFIG`` names, else the project's, until `configure` applies another.

    Nothing is applied when this is imported (Q-4): the commands apply the file, and in another application the host
    owns logging.
    """

    def __init__(self) -> None:
        self._configured: dict[str, Any] | None = None

    @property
    def data(self) -> dict[str, Any]:
        """The configuration as a dict; raises `LoggingConfigError` if its file cannot be used."""
        if self._configured is not None:
            return self._configured
        path = _project_path()
        file = logging_file(path)
        config: Any = {"version": 1} if file is None else read_logging_file(file)
        # Checked here, returned as it was written.
        checked_logging_config(config, path, file=file)
        return dict(config)

    def configure(self, logging_config: dict[str, Any]) -> None:
        """Check and apply a configuration of ``logging.config``; raises `LoggingConfigError` (PRJ-36)."""
        config = checked_logging_config(logging_config, _project_path())
        try:
            logging.config.dictConfig(config)
        except (ValueError, TypeError, AttributeError, ImportError) as error:
            raise LoggingConfigError(None, f"{error}. {error.__cause__ or ''}") from error
        self._configured = dict(logging_config)

    def set_project_logging(self, package_name: str, preserve_logging: bool = False) -> None:
        """Let a package log from INFO on, unless the configuration names it; ``preserve_logging`` applies nothing."""
        data = self.data
        loggers = {package_name: {"level": "INFO"}, **(data.get("loggers") or {})}
        if preserve_logging:
            self._configured = {**data, "loggers": loggers}
        else:
            self.configure({**data, "loggers": loggers})

    def __getitem__(self, key: str) -> Any:
        return self.data[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.data)

    def __len__(self) -> int:
        return len(self.data)

    def __repr__(self) -> str:
        return repr(self.data)


def _project_path() -> Path:
    project = current_project() or loaded_project()
    metadata = project.metadata if project is not None else None
    return metadata.project_path if metadata is not None else Path.cwd()


LOGGING = ProjectLogging()


def configure_logging(logging_config: dict[str, Any]) -> None:
    """Check and apply a configuration of ``logging.config``; raises `LoggingConfigError`."""
    LOGGING.configure(logging_config)

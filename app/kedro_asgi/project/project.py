"""A project as a value: its metadata, its settings and its pipelines."""

from pathlib import Path
from typing import Any

import msgspec

from kedro_asgi.project.metadata import ProjectMetadata
from kedro_asgi.project.options import ProjectOptions
from kedro_asgi.project.registry import PipelineRegistry
from kedro_asgi.settings import Settings


class Project(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One configured project; a process may have several.

    ``metadata`` is ``None`` for a package that was configured by name alone (packaged mode). The project has the
    attributes of its metadata, because Kedro's `bootstrap_project` returns the metadata (PRJ-6).
    """

    package_name: str
    settings: Settings
    pipelines: PipelineRegistry
    metadata: ProjectMetadata | None = None
    options: ProjectOptions = ProjectOptions()

    @property
    def project_path(self) -> Path | None:
        """The absolute project folder, or ``None`` in packaged mode."""
        return self.metadata.project_path if self.metadata else None

    @property
    def project_name(self) -> str:
        """The name of the project, for people to read."""
        return self.metadata.project_name if self.metadata else self.package_name

    @property
    def source_dir(self) -> Path | None:
        """The absolute folder that holds the package, or ``None`` in packaged mode."""
        return self.metadata.source_dir if self.metadata else None

    @property
    def config_file(self) -> Path | None:
        """The ``pyproject.toml``, or ``None`` in packaged mode."""
        return self.metadata.config_file if self.metadata else None

    @property
    def kedro_init_version(self) -> str | None:
        """The version of Kedro that the project was made for, or ``None`` in packaged mode."""
        return self.metadata.kedro_init_version if self.metadata else None

    @property
    def tools(self) -> Any:
        """The value in ``[tool.kedro]``, which the project's template wrote."""
        return self.metadata.tools if self.metadata else None

    @property
    def example_pipeline(self) -> Any:
        """The value in ``[tool.kedro]``, which the project's template wrote."""
        return self.metadata.example_pipeline if self.metadata else None

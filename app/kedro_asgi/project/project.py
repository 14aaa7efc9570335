"""A project as a value: who it is, its settings and its pipelines."""

from pathlib import Path

import msgspec

from kedro_asgi.project.metadata import ProjectMetadata
from kedro_asgi.project.options import ProjectOptions
from kedro_asgi.project.registry import PipelineRegistry
from kedro_asgi.settings import Settings


class Project(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One configured project; any number of them live in a process.

    ``metadata`` is ``None`` for a package that was configured by name alone (packaged mode, PRJ-14).
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
        """The human name of the project."""
        return self.metadata.project_name if self.metadata else self.package_name

    @property
    def source_dir(self) -> Path | None:
        """The absolute folder that holds the package, or ``None`` in packaged mode."""
        return self.metadata.source_dir if self.metadata else None

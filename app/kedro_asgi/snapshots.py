"""The read-only picture of a project that ``GET /snapshot`` and ``inspect`` show (SRV-40)."""

from typing import Any

import msgspec


class NodeSourceSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """Where a node's function is written: POSIX path relative to the project, 1-based inclusive lines."""

    filepath: str
    line_start: int
    line_end: int


class NodeSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """One node; inputs and outputs in binding order."""

    name: str
    func_name: str
    namespace: str | None = None
    tags: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    source: NodeSourceSnapshot | None = None


class PipelineSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """One registered pipeline, its nodes in topological order."""

    name: str
    nodes: tuple[NodeSnapshot, ...]
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()


class DatasetSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """One catalog entry as configured: ``type`` is the raw value, ``filepath`` is redacted."""

    name: str
    type: Any
    filepath: Any = None


class ProjectMetadataSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """Who the project is; ``kedro_version`` is the version that it was made with (SRV-42)."""

    project_name: str
    package_name: str
    kedro_version: str


class ProjectSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A whole project: nothing in it was imported from, constructed or read for datasets (SRV-47)."""

    metadata: ProjectMetadataSnapshot
    pipelines: tuple[PipelineSnapshot, ...]
    datasets: dict[str, DatasetSnapshot]
    parameters: tuple[str, ...]

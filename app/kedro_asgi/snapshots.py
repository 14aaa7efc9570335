"""The structure of a project as ``GET /snapshot`` and ``inspect`` show it (SRV-40)."""

from typing import Any

import msgspec


class NodeSourceSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The source of a node's function: POSIX path relative to the project, first and last line, from 1."""

    filepath: str
    line_start: int
    line_end: int


class NodeSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """One node; inputs and outputs in the order of the function's parameters and results."""

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
    """One catalog entry: ``type`` as the project writes it, ``filepath`` without credentials."""

    name: str
    type: Any
    filepath: Any = None


class ProjectMetadataSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The names of the project, and the version of Kedro that it was made with."""

    project_name: str
    package_name: str
    kedro_version: str


class ProjectSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A whole project. Making it imports no dataset class, makes no dataset and reads no data (SRV-47)."""

    metadata: ProjectMetadataSnapshot
    pipelines: tuple[PipelineSnapshot, ...]
    datasets: dict[str, DatasetSnapshot]
    parameters: tuple[str, ...]

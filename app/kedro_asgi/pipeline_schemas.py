"""The bodies of responses about pipelines, shared by the server and the client. They hold graphs."""

import msgspec

from kedro_asgi.graph import Layout, PipelineGraph


class PipelineSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One registered pipeline: how many ``nodes`` it has, its free ``inputs`` and ``outputs``, and its ``parameters``.

    The ``links`` are relative to ``/pipelines``.
    """

    name: str
    nodes: int
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    parameters: tuple[str, ...]
    tags: tuple[str, ...]
    namespaces: tuple[str, ...]
    links: dict[str, str]


class PipelineList(msgspec.Struct, frozen=True, kw_only=True):
    """The registered pipelines; ``broken`` says for each other one why Python cannot import its module."""

    project_name: str
    pipelines: tuple[PipelineSummary, ...]
    broken: dict[str, str]


class PipelineDescription(PipelineGraph, frozen=True, kw_only=True):
    """The graph of one pipeline and its layout; the ``links`` are relative to its own address."""

    layout: Layout
    links: dict[str, str]

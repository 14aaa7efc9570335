"""The bodies that go over the wire, shared by the server and the client (SRV)."""

from typing import Annotated, Any, Literal

import msgspec

from kedro_asgi.runs import ErrorDetail
from kedro_asgi.snapshots import ProjectSnapshot


class RunRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The body of ``POST /run``: Kedro's fields (SRV-16), then ``inputs`` and ``outputs``.

    ``inputs`` holds the JSON value that replaces each named dataset for this run; ``outputs`` names the datasets
    whose values come back.
    """

    from_inputs: list[str] | None = None
    to_outputs: list[str] | None = None
    from_nodes: list[str] | None = None
    to_nodes: list[str] | None = None
    node_names: list[str] | None = None
    runner: str | None = None
    is_async: bool = False
    tags: list[str] | None = None
    load_versions: dict[str, str] | None = None
    pipeline_names: list[str] | None = None
    namespaces: list[str] | None = None
    params: dict[str, Any] | None = None
    only_missing_outputs: bool = False
    inputs: dict[str, Any] | None = None
    outputs: list[str] | None = None


class RunSubmission(RunRequest, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The body of ``POST /runs``: that of ``/run``, and how the run is to be treated.

    ``outputs`` names the outputs to keep. ``timeout_seconds`` counts from the run's start. ``on_interrupt`` says
    whether a run whose server dies under it is marked, or run again as a new one.
    """

    timeout_seconds: Annotated[float, msgspec.Meta(gt=0)] | None = None
    labels: dict[str, str] | None = None
    on_interrupt: Literal["mark", "rerun"] = "mark"


class RunSuccess(msgspec.Struct, frozen=True, kw_only=True, tag_field="status", tag="success", omit_defaults=True):
    """A run that succeeded; ``outputs`` is there only when outputs were asked for."""

    run_id: str
    duration_ms: float
    outputs: dict[str, Any] | None = None


class RunFailure(msgspec.Struct, frozen=True, kw_only=True, tag_field="status", tag="failure"):
    """A run that failed (SRV-29)."""

    run_id: str
    duration_ms: float
    error: ErrorDetail


RunAnswer = RunSuccess | RunFailure


class SnapshotSuccess(ProjectSnapshot, frozen=True, kw_only=True, tag_field="status", tag="success"):
    """The project's snapshot (SRV-40)."""


class SnapshotFailure(msgspec.Struct, frozen=True, kw_only=True, tag_field="status", tag="failure"):
    """What kept the snapshot from being taken (SRV-41)."""

    error: ErrorDetail


SnapshotAnswer = SnapshotSuccess | SnapshotFailure


class HealthResponse(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of ``GET /health`` (SRV-15)."""

    status: Literal["healthy", "unhealthy"] = "healthy"
    kedro_version: str


class ReadyResponse(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answer of ``GET /ready``; ``missing`` says of each preloaded dataset why it is not there.

    ``store`` says why runs can be executed but not promised, where that is so.
    """

    status: Literal["ready", "waiting", "starting", "draining"]
    missing: dict[str, str] = {}
    problem: str | None = None
    store: str | None = None


class ReloadResponse(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of ``POST /reload``: the datasets that runs share from now on."""

    status: Literal["reloaded"] = "reloaded"
    preloaded: list[str]
    duration_ms: float


class ReloadProblem(msgspec.Struct, frozen=True, kw_only=True):
    """Why a reload failed (RFC 9457); everything is as it was before."""

    type: str = "urn:kedro-asgi:problem:reload-failed"
    title: str = "The reload failed"
    status: int = 500
    detail: str


class ValidationError(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that is wrong with a request body (SRV-20); ``loc`` leads to it from ``body``."""

    type: str
    loc: list[str | int]
    msg: str
    input: Any
    ctx: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET


class HTTPValidationError(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a 422 answer: all that is wrong with a request."""

    detail: list[ValidationError]


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An error of the routes about runs (RFC 9457); ``type`` is stable, ``errors`` says what is wrong with a body."""

    type: str
    title: str
    status: int
    detail: str
    run_id: str | None = None
    errors: list[ValidationError] | None = None


class HTTPError(msgspec.Struct, frozen=True, kw_only=True):
    """The body of every other refusal: 404, 405, 413, 500."""

    detail: str

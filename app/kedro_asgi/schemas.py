"""The bodies of requests and responses, shared by the server and the client."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

from kedro_asgi.batching_state import BatchedPipelineState
from kedro_asgi.limits import DOTTED_NAME
from kedro_asgi.limits import Labels as Labels
from kedro_asgi.limits import TimeoutSeconds as TimeoutSeconds
from kedro_asgi.node_runs import NodeRun
from kedro_asgi.retries import Retries
from kedro_asgi.run_ids import RUN_ID_PATTERN as RUN_ID_PATTERN
from kedro_asgi.runs import ErrorDetail, RunStatus
from kedro_asgi.snapshots import ProjectSnapshot

KEY_PATTERN = "^[!-~]([ -~]*[!-~])?$"
"""Idempotency keys: printable ASCII, since HTTP strips spaces around a header and fixes no other encoding."""
RUNNER_PATTERN = DOTTED_NAME
"""Names of runners: a class, or its dotted path."""
NOTIFICATION_CURSOR_PATTERN = f"{RUN_ID_PATTERN[:-1]}~[A-Za-z0-9_-]{{1,64}}$"
POSITION_PATTERN = r"^[0-9]{1,18}(\.[0-9]{1,18})?$"
"""Positions among the events of all runs."""
# Kedro reads these as true and false too (SRV-18).
TRUE_WORDS = ("1", "on", "t", "true", "y", "yes")
BOOL_WORDS = (*TRUE_WORDS, "0", "off", "f", "false", "n", "no")


class RunRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The body of ``POST /run``: Kedro's fields (SRV-16), then ``inputs`` and ``outputs``.

    ``inputs`` maps the names of datasets to JSON values that replace them in this run; ``outputs`` names the datasets
    whose values the response contains. ``retries`` says how often nodes and the run are tried again.
    """

    from_inputs: list[str] | None = None
    to_outputs: list[str] | None = None
    from_nodes: list[str] | None = None
    to_nodes: list[str] | None = None
    node_names: list[str] | None = None
    runner: Annotated[str, msgspec.Meta(extra_json_schema={"pattern": RUNNER_PATTERN})] | None = None
    is_async: bool = False
    tags: list[str] | None = None
    load_versions: dict[str, str] | None = None
    pipeline_names: list[str] | None = None
    namespaces: list[str] | None = None
    params: dict[str, Any] | None = None
    only_missing_outputs: bool = False
    inputs: dict[str, Any] | None = None
    outputs: list[str] | None = None
    retries: Retries | None = None


class RunSubmission(RunRequest, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The body of ``POST /runs``: the fields of ``/run``, and options of the submission.

    ``outputs`` names the outputs to store. ``timeout_seconds`` counts from the run's start. If the server dies during
    the run, ``on_interrupt`` decides whether the run is marked as interrupted or repeated as a new run.
    ``output_format`` says whether tables among the outputs are stored as JSON or as columns of Arrow.
    """

    timeout_seconds: TimeoutSeconds | None = None
    labels: Labels | None = None
    on_interrupt: Literal["mark", "rerun"] = "mark"
    output_format: Literal["json", "arrow"] = "json"


class RerunRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The body of ``POST /runs/{run_id}/rerun``; without one, the run is repeated as a whole.

    ``from_failure`` runs only the nodes that the run has not finished, and what follows, with the datasets that it has
    saved.
    """

    from_failure: bool = False


class RunSuccess(msgspec.Struct, frozen=True, kw_only=True, tag_field="status", tag="success", omit_defaults=True):
    """A run that succeeded; ``outputs`` is present only if the request named outputs.

    ``output_problems`` says why an output that the request named is missing.
    """

    run_id: str
    duration_ms: float
    outputs: dict[str, Any] | None = None
    output_problems: dict[str, str] = {}


class RunFailure(msgspec.Struct, frozen=True, kw_only=True, tag_field="status", tag="failure"):
    """A run that failed."""

    run_id: str
    duration_ms: float
    error: ErrorDetail


RunAnswer = RunSuccess | RunFailure


class RunAccepted(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="accepted"):
    """The first event of a stream: the run is accepted."""

    run_id: str


class OutputChunk(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="chunk"):
    """A chunk that a generator node yielded for ``output``; or the ``problem`` that ends the chunks of it."""

    output: str
    value: Any | msgspec.UnsetType = msgspec.UNSET
    problem: str | msgspec.UnsetType = msgspec.UNSET


class RunAnswered(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="answer"):
    """The last event of a stream: the body that the caller would have got without a stream."""

    answer: RunAnswer


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="heartbeat"):
    """Breaks a silence of the stream, and says nothing."""


class SnapshotSuccess(ProjectSnapshot, frozen=True, kw_only=True, tag_field="status", tag="success"):
    """The project's snapshot."""


class SnapshotFailure(msgspec.Struct, frozen=True, kw_only=True, tag_field="status", tag="failure"):
    """The reason why there is no snapshot."""

    error: ErrorDetail


SnapshotAnswer = SnapshotSuccess | SnapshotFailure


class RunNodes(msgspec.Struct, frozen=True, kw_only=True):
    """The nodes that a run has started, in that order."""

    run_id: str
    status: RunStatus
    nodes: tuple[NodeRun, ...]


class Notification(msgspec.Struct, frozen=True, kw_only=True):
    """A notification of a webhook that is not delivered; ``next_attempt_at`` is ``None`` for one that has failed."""

    notification_id: str
    run_id: str
    webhook: str
    state: Literal["pending", "failed"]
    attempts: int
    created_at: datetime
    next_attempt_at: datetime | None = None
    problem: str | None = None


class BatchingList(msgspec.Struct, frozen=True, kw_only=True):
    """The pipelines that are to be batched; the figures are those of the process that answers."""

    pipelines: tuple[BatchedPipelineState, ...] = ()


class NotificationList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of notifications that are not delivered, those of the newest runs first, and how many there are in all.

    ``counts`` holds the numbers of pending and of failed ones, by webhook. ``cursor`` leads to the next page.
    """

    notifications: tuple[Notification, ...]
    counts: dict[str, dict[Literal["pending", "failed"], int]]
    cursor: str | None = None


class HealthResponse(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of ``GET /health``; ``executor`` says why runs that the server accepts cannot begin now, if so."""

    status: Literal["healthy", "unhealthy"] = "healthy"
    kedro_version: str
    executor: str | msgspec.UnsetType = msgspec.UNSET


class ReadyResponse(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answer of ``GET /ready``; ``missing`` says for each preloaded dataset why it is not loaded.

    ``unshared`` says why each run loads a preloaded dataset itself. ``broken_pipelines`` and ``broken_datasets`` say
    why runs of these pipelines, or with these datasets, will fail; others are served.
    ``store`` says why the store is not available; the server then executes runs of ``/run``, but accepts no others.
    ``executor`` says why runs that the server accepts cannot begin now, such as a Dask scheduler that is gone.
    The status is ``stuck`` while every slot has a run that was asked to stop and does not.
    """

    status: Literal["ready", "waiting", "starting", "stuck", "draining"]
    missing: dict[str, str] = {}
    unshared: dict[str, str] = {}
    broken_pipelines: dict[str, str] = {}
    broken_datasets: dict[str, str] = {}
    problem: str | None = None
    store: str | None = None
    executor: str | None = None


class ScheduledRunState(msgspec.Struct, frozen=True, kw_only=True):
    """A run that a schedule began; without ``scheduled_at``, a caller wanted it."""

    run_id: str
    status: RunStatus
    created_at: datetime
    scheduled_at: datetime | None


class ScheduleDescription(msgspec.Struct, frozen=True, kw_only=True):
    """A schedule: when it is due, its next ticks, none while it is paused, and the last run that it began."""

    name: str
    cron: str
    timezone: str
    pipeline_names: tuple[str, ...]
    missed: Literal["skip", "run-once", "run-all"]
    overlap: Literal["allow", "skip"]
    start_deadline_seconds: float
    is_paused: bool
    next_ticks: tuple[datetime, ...]
    last_run: ScheduledRunState | None


class ScheduleList(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of ``GET /schedules``."""

    schedules: tuple[ScheduleDescription, ...]


class ReloadResponse(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of ``POST /reload``: the preloaded datasets that later runs share."""

    status: Literal["reloaded"] = "reloaded"
    preloaded: list[str]
    duration_ms: float


class ReloadProblem(msgspec.Struct, frozen=True, kw_only=True):
    """The reason why a reload failed (RFC 9457); nothing has changed."""

    type: str = "urn:kedro-asgi:problem:reload-failed"
    title: str = "The reload failed"
    status: int = 500
    detail: str


class ValidationError(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One problem of a request body (SRV-20); ``loc`` is the path to it, from ``body``."""

    type: str
    loc: list[str | int]
    msg: str
    input: Any
    ctx: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET


class HTTPValidationError(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a 422 response: all problems of a request."""

    detail: list[ValidationError]


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An error of the routes of runs (RFC 9457); ``type`` is stable, ``errors`` lists the problems of a body."""

    type: str
    title: str
    status: int
    detail: str
    run_id: str | None = None
    errors: list[ValidationError] | None = None


class RunRefused(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="problem"):
    """The last event of a stream whose run has no answer, such as one that is left to the next server."""

    problem: Problem


StreamedEvent = RunAccepted | OutputChunk | RunAnswered | RunRefused | Heartbeat


class HTTPError(msgspec.Struct, frozen=True, kw_only=True):
    """The body of every other error: 404, 405, 413, 500."""

    detail: str

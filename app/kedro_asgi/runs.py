"""Runs as values: the request and the record of a run."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, NewType, Self, Unpack

import msgspec
from msgspec import UNSET, UnsetType

from kedro_asgi.errors import OutOfRangeError
from kedro_asgi.retries import Retries
from kedro_asgi.run_arguments import Names, ParameterArguments, names_of, pop_params
from kedro_asgi.run_status import FINAL as FINAL
from kedro_asgi.run_status import RunStatus as RunStatus
from kedro_asgi.trace_context import TraceHeaders

RunId = NewType("RunId", str)

OutputFormat = Literal["arrow"]
"""The form of tables among the outputs of a run, where it is not JSON."""

# ``gc=False``, here and in `dispatch`: the collector of garbage need not look at values that lead to nothing that leads
# back to them. Its work on those of the latest runs, which wait for the writer thread, takes 4 to 9 % of a request.


class Slice(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The nodes of a project that run: the pipelines, and the filters on them.

    Hashable, so that a plan can be kept for the next run of the same slice. Empty means "no filter"; no pipeline name
    means ``__default__``.
    """

    pipeline_names: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    node_names: tuple[str, ...] = ()
    from_nodes: tuple[str, ...] = ()
    to_nodes: tuple[str, ...] = ()
    from_inputs: tuple[str, ...] = ()
    to_outputs: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()


SLICE_FILTERS = tuple(name for name in Slice.__struct_fields__ if name != "pipeline_names")
"""The fields of a slice that filter the nodes of its pipelines."""


class RuntimeParams(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The parameters that a caller gave for one run, and what they may do in the configuration.

    ``literal``: strings are never interpolated (Q-14). ``restrict_type_selection``: no value selects the class of a
    dataset (Q-19), and none leads the path of one to another place, but for ``allowed_paths``. Serving sets both.
    """

    values: Mapping[str, Any] = {}
    literal: bool = True
    restrict_type_selection: bool = True
    allowed_paths: tuple[str, ...] = ()


NO_PARAMS = RuntimeParams()


class RunSpec(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Everything a caller may ask of one run.

    ``outputs`` of ``None`` asks for the free outputs that live in memory. ``runner`` is a class name or a dotted path
    within the allowlist; ``None`` is the sequential runner. ``retries`` come before those of the project.
    ``attempt`` is the number of the attempt of the run that is made. ``output_format`` says what tables among the
    outputs become where they are converted; all else, and tables by default, become JSON. ``tables`` are those of the
    ``inputs`` that are streams of Arrow, while the order waits as JSON.
    """

    slice: Slice = Slice()
    runtime_params: Mapping[str, Any] = {}
    load_versions: Mapping[str, str] = {}
    inputs: Mapping[str, Any] = {}
    outputs: tuple[str, ...] | None = None
    only_missing_outputs: bool = False
    runner: str | None = None
    is_async: bool = False
    retries: Retries | None = None
    attempt: int = 1
    output_format: OutputFormat | UnsetType = UNSET
    tables: Mapping[str, bytes] | UnsetType = UNSET

    @classmethod
    def of(
        cls,
        pipeline_names: Names = None,
        *,
        outputs: Names = None,
        runner: str | None = None,
        is_async: bool = False,
        **arguments: Unpack[ParameterArguments],
    ) -> Self:
        """Return the arguments of a run as a value; ``None`` stands for the default of each.

        Raises `OutOfRangeError` for ``retries`` that no run may have.
        """
        filters: dict[str, tuple[str, ...]] = {}
        given: dict[str, Any] = {}
        value: Any
        for name, value in arguments.items():
            if value is not None:
                if name in Slice.__struct_fields__:
                    filters[name] = names_of(value)
                else:
                    given[name] = value
        if given:
            given["runtime_params"] = pop_params(given) or {}
        if "retries" in given:
            given["retries"] = checked_retries(given["retries"])
        return cls(
            slice=Slice(pipeline_names=names_of(pipeline_names), **filters),
            outputs=None if outputs is None else names_of(outputs),
            runner=runner,
            is_async=is_async,
            **given,
        )


def checked_retries(retries: Retries | Mapping[str, Any]) -> Retries:
    """Return ``retries`` as a value; raises `OutOfRangeError` for what is not within the bounds."""
    try:
        return msgspec.convert(msgspec.to_builtins(retries), Retries)
    except (msgspec.ValidationError, TypeError) as error:
        raise OutOfRangeError(f"retries: {error}") from error


class ErrorFrame(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A frame of the user's code that an error passed through; ``code`` is the text of the line, where it is known."""

    file: str
    line: int
    function: str
    code: str | None = None


class ErrorCause(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An error: the name of its class, its message without credentials, and its place in the user's code, if any.

    ``frames`` are those of the user's code, the innermost last.
    """

    type: str
    message: str
    file: str | None = None
    line: int | None = None
    frames: tuple[ErrorFrame, ...] = ()


class FailedAttempt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An attempt that failed and was followed by another: number ``attempt`` of a node or, without one, of the run."""

    node: str | None = None
    attempt: int
    at: datetime
    error: ErrorCause
    delay_seconds: float


class ErrorDetail(ErrorCause, frozen=True, kw_only=True, omit_defaults=True):
    """Why a run failed: the error, the node that failed, and the causes of the error, from the nearest to the first.

    ``resume_from`` names the nodes from which a new run does what this one has left (``from_nodes`` of a request); it
    is empty if the run has done nothing that a new one could keep.
    """

    node: str | None = None
    causes: tuple[ErrorCause, ...] = ()
    resume_from: tuple[str, ...] = ()


class RunOrder(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A run that a caller ordered, with its limits.

    ``timeout_seconds`` counts from the run's start. If the server dies during the run, ``on_interrupt`` decides whether
    the next server marks it as interrupted (``mark``) or runs it again as a new run (``rerun``). Two orders with the
    same ``key`` are one run. ``rerun_of`` is the run that this one repeats.
    """

    spec: RunSpec = RunSpec()
    labels: Mapping[str, str] = {}
    timeout_seconds: float | None = None
    on_interrupt: Literal["mark", "rerun"] = "mark"
    key: str | None = None
    rerun_of: RunId | None = None


class RunRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The state of a run. ``error`` is set for every final status but success.

    ``outputs`` names the outputs that are kept for the caller, ``saved`` the datasets that nodes of the run have saved
    outside of memory; ``output_problems`` says why an output of a run that succeeded is missing. ``request`` holds the
    fields of ``POST /runs`` that repeat the run, bounded and without credentials, ``env`` its configuration
    environment. ``is_stopping`` tells that a running run was asked to stop. ``resubmitted_as`` and ``resubmission_of``
    link an interrupted run with the run that repeats it; ``attempt`` counts them. ``retried`` lists the first failed
    attempts that were followed by another, of nodes and of the run itself; ``retry_count`` counts all of them. A run
    that waits for attempt ``run_attempt`` of itself is queued, and gets a slot not before ``next_attempt_at``.
    ``rerun_of`` is the run that a caller repeated by this one. ``trace_context`` is the place of its caller in a trace,
    where there is one: the headers of W3C Trace Context.
    """

    run_id: RunId
    status: RunStatus
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    duration_ms: float | None = None
    pipeline_names: tuple[str, ...] = ()
    labels: Mapping[str, str] = {}
    timeout_seconds: float | None = None
    is_stopping: bool = False
    outputs: tuple[str, ...] = ()
    output_problems: Mapping[str, str] = {}
    saved: tuple[str, ...] = ()
    error: ErrorDetail | None = None
    request: Mapping[str, Any] = {}
    env: str | None = None
    attempt: int = 1
    resubmission_of: RunId | None = None
    resubmitted_as: RunId | None = None
    retried: tuple[FailedAttempt, ...] = ()
    retry_count: int = 0
    run_attempt: int = 1
    next_attempt_at: datetime | None = None
    rerun_of: RunId | None = None
    trace_context: TraceHeaders | UnsetType = UNSET

    @property
    def is_final(self) -> bool:
        """Whether the run has ended."""
        return self.status in FINAL


class RunQuery(msgspec.Struct, frozen=True, kw_only=True):
    """The runs to list, newest first: those before ``cursor``, at most ``limit``; ``None`` is no filter.

    ``status`` is one status or several, ``pipeline`` one of the pipeline names of a run; ``labels`` must all match,
    ``since`` is the earliest time of creation. ``any_pipeline`` are the pipelines of which a run has one at least.
    """

    status: RunStatus | tuple[RunStatus, ...] | None = None
    pipeline: str | None = None
    any_pipeline: tuple[str, ...] = ()
    labels: Mapping[str, str] = {}
    since: datetime | None = None
    limit: int = 50
    cursor: str | None = None


class RunPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of runs; ``cursor`` leads to older ones, ``None`` if there are none."""

    runs: tuple[RunRecord, ...]
    cursor: str | None = None

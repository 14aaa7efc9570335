"""What a run is asked to do, and the ids by which runs are known."""

import os
import secrets
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal, NewType

import msgspec

RunId = NewType("RunId", str)


class Slice(msgspec.Struct, frozen=True, kw_only=True):
    """Which nodes of a project run: the pipelines, and the filters that cut them (PIP-43, SES-18).

    Hashable, so that what is compiled for a slice can be kept for the next run of it. Empty means "no filter";
    no pipeline name means ``__default__``.
    """

    pipeline_names: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    node_names: tuple[str, ...] = ()
    from_nodes: tuple[str, ...] = ()
    to_nodes: tuple[str, ...] = ()
    from_inputs: tuple[str, ...] = ()
    to_outputs: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()


class RuntimeParams(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters that a caller gave for one run, and how far they may reach into the configuration.

    ``literal``: strings are taken as they are, never interpolated (Q-14). ``restrict_type_selection``: a value
    must not decide which class a dataset has (CFG-56, Q-19). Serving sets both.
    """

    values: Mapping[str, Any] = {}
    literal: bool = True
    restrict_type_selection: bool = True


class RunSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a caller may ask of one run.

    ``outputs`` of ``None`` asks for the free outputs that live in memory. ``runner`` is a class name or a dotted
    path that is looked up on the allowlist (SRV-25); ``None`` is the sequential runner.
    """

    slice: Slice = Slice()
    runtime_params: Mapping[str, Any] = {}
    load_versions: Mapping[str, str] = {}
    inputs: Mapping[str, Any] = {}
    outputs: tuple[str, ...] | None = None
    only_missing_outputs: bool = False
    runner: str | None = None
    is_async: bool = False


class ErrorDetail(msgspec.Struct, frozen=True, kw_only=True):
    """Why a run failed: the name of the error's class, and its message without credentials."""

    type: str
    message: str


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """How a run ended; ``outputs`` are the values that were asked for, ``error`` is set for a failure."""

    run_id: RunId
    status: Literal["success", "failure"]
    duration_ms: float
    outputs: Mapping[str, Any] = {}
    error: ErrorDetail | None = None


class RunIds:
    """Mints run ids: Kedro's timestamp, then a suffix that no other run on any machine has.

    ``2026-11-21T00.18.19.983Z-00009f3c2a7b1d``: ids of one source sort in the order in which they were minted,
    also within a millisecond and when the clock steps back; the random half of the suffix tells sources (and
    forked copies of a source) apart. Thread-safe.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._millisecond = 0
        self._sequence = 0
        self._second = -1
        self._prefix = ""
        self._pid = -1
        self._token = ""

    def next(self) -> RunId:
        """Return a new id; also fit to be a save version (CAT-35)."""
        with self._lock:
            if self._pid != os.getpid():
                self._pid, self._token = os.getpid(), secrets.token_hex(5)
            now = time.time_ns() // 1_000_000
            fresh = now > self._millisecond
            self._sequence = 0 if fresh else self._sequence + 1
            self._millisecond = now if fresh else self._millisecond
            if self._sequence > 0xFFFF:
                self._millisecond, self._sequence = self._millisecond + 1, 0
            second, rest = divmod(self._millisecond, 1000)
            if second != self._second:
                self._second = second
                self._prefix = f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H.%M.%S}"
            return RunId(f"{self._prefix}.{rest:03d}Z-{self._sequence:04x}{self._token}")

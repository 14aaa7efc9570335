"""Rows of the table of runs as records and orders, also rows that cannot be read."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Any, Literal, get_args

import msgspec

from kedro_asgi.bounded_cache import BoundedCache
from kedro_asgi.dispatch.safe_logging import SafeLogger
from kedro_asgi.dispatch.stores.base import AdoptedRun, RunWrite
from kedro_asgi.dispatch.waiting_order import PackedOrder
from kedro_asgi.encoding import decode_json, encode_json, escape_surrogates
from kedro_asgi.errors import UnreadableRunError, describe_error
from kedro_asgi.failures import shown
from kedro_asgi.run_context import run_facts
from kedro_asgi.runs import ErrorDetail, RunId, RunOrder, RunRecord, RunStatus

_log = SafeLogger(__name__)

# Refuse an order with a value that JSON does not know, also where an answer could show that value.
encode_row = partial(encode_json, fallback=None)
_RECORD = msgspec.json.Decoder(RunRecord)
_ORDER = msgspec.json.Decoder(RunOrder)
_LARGE_BYTES = 1024 * 1024
_LOGGED_RUNS = 1000
_ESCAPED_NAMES = 256

RECORD_COLUMNS = "run_id, status, created_at, record"
ADOPTED_COLUMNS = f"{RECORD_COLUMNS}, run_order, wants_cancel, caller"


class _Options(msgspec.Struct, kw_only=True):
    """The part of an order that matters when a worker takes the run over."""

    on_interrupt: Literal["mark", "rerun"] = "mark"


_OPTIONS = msgspec.json.Decoder(_Options)


class RowReader:
    """Makes records of the `RECORD_COLUMNS` of a row; a row that cannot be read is logged once. Thread-safe."""

    def __init__(self) -> None:
        self._logged: BoundedCache[str, bool] = BoundedCache(_LOGGED_RUNS)

    def record(self, row: Sequence[Any]) -> RunRecord:
        """Return the record in a row; a record that cannot be read is replaced by one that says so."""
        record, problem = self._record(row)
        return record if problem is None else msgspec.structs.replace(record, error=_detail(problem))

    def adopted(self, row: Sequence[Any], *, last_event: int) -> AdoptedRun:
        """Return the run in the `ADOPTED_COLUMNS` of a row, which has a new owner."""
        *columns, order, wants_cancel, caller = row
        record, problem = self._record(columns)
        packed = None
        try:
            packed = None if order is None else _packed(as_bytes(order))
        except Exception as error:
            problem = problem or self._problem(record.run_id, error)
        return AdoptedRun(
            record=record,
            stored=row[1],
            order=packed,
            is_cancel_requested=bool(wants_cancel),
            last_event=last_event,
            problem=None if problem is None else _detail(problem),
            caller=caller,
        )

    def _record(self, row: Sequence[Any]) -> tuple[RunRecord, UnreadableRunError | None]:
        run_id, status, created_at_ms, _ = row
        try:
            return decode_record(row), None
        except Exception as error:  # such as a damaged file, or a status of a later version
            return _substitute(run_id, status, created_at_ms), self._problem(run_id, error)

    def _problem(self, run_id: str, error: Exception) -> UnreadableRunError:
        problem = UnreadableRunError(shown(str(error)))
        if run_id not in self._logged:
            self._logged.add(run_id, True)
            _log.error("Run %s: %s", run_id, problem, extra=run_facts(run_id))
        return problem


def decode_record(row: Sequence[Any]) -> RunRecord:
    """Return the record in the `RECORD_COLUMNS` of a row; raises any error for one that cannot be read."""
    run_id, status, _, content = row
    record = decode_json(as_bytes(content), _RECORD)
    if record.run_id != run_id:
        raise ValueError(f"it is the record of run '{record.run_id}'")
    if record.status != status:
        raise ValueError(f"its status is '{status}' in one place and '{record.status}' in another")
    return record


def _packed(content: bytes) -> PackedOrder:
    """Return an order; a large one is read when its run starts: that takes long, and a lot of memory."""
    if len(content) > _LARGE_BYTES:
        options = decode_json(content, _OPTIONS)
        return PackedOrder(content=content, on_interrupt=options.on_interrupt)
    order = decode_json(content, _ORDER)
    return PackedOrder(content=content, on_interrupt=order.on_interrupt)


def _substitute(run_id: str, status: Any, created_at_ms: Any) -> RunRecord:
    """Return what the other columns tell of a run; a status that is unknown counts as a failure."""
    created_at = datetime.fromtimestamp(0, UTC)
    with suppress(TypeError, ValueError, OverflowError, OSError):
        created_at = datetime.fromtimestamp(created_at_ms / 1000, UTC)
    known: RunStatus = next((found for found in get_args(RunStatus) if found == status), "failure")
    return RunRecord(run_id=RunId(run_id), status=known, created_at=created_at)


def _detail(problem: UnreadableRunError) -> ErrorDetail:
    kind, message = describe_error(problem)
    return ErrorDetail(type=kind, message=message)


def as_bytes(value: Any) -> bytes:
    """Return binary data as the database has it; SQLite keeps text where an operator wrote text."""
    return value.encode() if isinstance(value, str) else bytes(value)


def run_row(write: RunWrite) -> tuple[Any, ...]:
    """Return the row of a new run."""
    record, ended_at_ms = write.record, write.ended_at_ms
    lines = "".join(facets(record.pipeline_names, record.labels)) if record.pipeline_names or record.labels else ""
    order = None if write.order is None or ended_at_ms is not None else write.order.content
    return record.run_id, record.status, write.owner, write.created_at_ms, ended_at_ms, lines, encode_row(record), order


def facets(pipelines: Iterable[str], labels: Mapping[str, str]) -> Iterator[str]:
    """Yield the names and labels that queries filter by, each a whole line so that none matches a part of another."""
    for name in pipelines:
        yield f"\npipeline={_escape(name)}\n"
    for name, value in labels.items():
        yield f"\nlabel={_escape(name)}={_escape(value)}\n"


@lru_cache(_ESCAPED_NAMES)
def _escape(value: str) -> str:
    return escape_surrogates(value.replace("\\", "\\\\")).replace("\n", "\\n").replace("=", "\\e").replace("\0", "\\0")

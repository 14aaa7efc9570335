"""A log handler whose callers wait neither for the formatter nor for the stream."""

import logging
import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, TextIO

from kedro_asgi.cli.log_format import FormatsLines, JsonFormatter
from kedro_asgi.log_lines import Line, TakesLines, message_of, names_runs_only

# The lines of this time are written together; those of warnings and errors at once.
_LINGER_SECONDS = 0.03
# Pipes take so much at once, so that two streams that share one do not mix their lines.
_PART_CHARACTERS = 4096
_CONSTANTS = frozenset((str, int, float, bool, type(None)))


class BackgroundHandler(TakesLines, logging.StreamHandler[TextIO]):
    """Writes to a stream in a thread of its own, in groups.

    To format and write a line in the event loop costs a fifth of a short run, and a stream that blocks would block all
    requests. When ``max_lines`` wait, further ones are lost, and a line tells how many. `flush`, which the
    end of the process calls, writes what waits; a process that is killed loses the lines of the last moment.
    """

    def __init__(self, stream: TextIO | None = None, *, max_lines: int = 20_000) -> None:
        super().__init__(stream)
        self._max_lines = max_lines
        self._is_closed = False
        self._reset()
        if sys.platform != "win32":
            os.register_at_fork(after_in_child=self._reset)

    def _reset(self) -> None:
        # A forked process has none of the threads, and its parent writes the lines that wait.
        self._waiting: deque[logging.LogRecord | Line] = deque()
        self._lost = 0
        self._turn = threading.RLock()
        self._wake: SimpleQueue[None] = SimpleQueue()
        self._urgent: SimpleQueue[None] = SimpleQueue()
        self._is_awake = False
        self._has_thread = False

    def handle(self, record: logging.LogRecord) -> bool:
        """Queue a record unless a filter drops it, without the handler's lock: callers only append to a queue."""
        kept: object = self.filter(record)
        if kept:
            # From Python 3.12 on, a filter may return another record.
            self.emit(kept if isinstance(kept, logging.LogRecord) else record)
        return bool(kept)

    def emit(self, record: logging.LogRecord) -> None:
        """Queue a record; thread-safe, does not block."""
        try:
            # Lines of JSON are read by programs, so a wrong line is one, too; others are reported as `logging` does.
            is_json = isinstance(self.formatter, JsonFormatter)
            copied = _copied(record, message_of if is_json else logging.LogRecord.getMessage)
        except Exception:
            self.handleError(record)
            return
        self._put(copied, level=record.levelno)

    def takes_lines_of(self, logger: str) -> bool:
        return (
            isinstance(self.formatter, FormatsLines) and self.formatter.formats_lines and names_runs_only(self.filters)
        )

    def take(self, line: Line) -> None:
        self._put(line, level=line.level)

    def _put(self, record: logging.LogRecord | Line, *, level: int) -> None:
        if len(self._waiting) >= self._max_lines:
            # Not exact if threads lose lines at the same time.
            self._lost += 1
            return
        self._waiting.append(record)
        if self._is_closed:
            self.flush()
            return
        if not self._is_awake:
            self._is_awake = True
            self._wake_writer()
        if level >= logging.WARNING:
            self._urgent.put(None)

    def flush(self) -> None:
        """Write all lines that wait, in this thread."""
        with self._turn:
            part: list[str] = []
            size = 0
            while (line := self._next_line()) is not None:
                if size + len(line) > _PART_CHARACTERS:
                    self._write_part(part)
                    part, size = [], 0
                part.append(line)
                size += len(line)
            self._write_part(part)

    def _next_line(self) -> str | None:
        if self._lost:
            lost, self._lost = self._lost, 0
            return self._line(_loss(lost))
        return self._line(self._waiting.popleft()) if self._waiting else None

    def _write_part(self, lines: list[str]) -> None:
        if lines:
            try:
                self.stream.write("".join(lines))
                self.stream.flush()
            except Exception:
                self.handleError(_loss(len(lines)))

    def close(self) -> None:
        """Write what waits; later lines are written by their callers."""
        self._is_closed = True
        self.flush()
        super().close()

    def _line(self, record: logging.LogRecord | Line) -> str:
        try:
            if isinstance(record, Line) and isinstance(self.formatter, FormatsLines):
                return self.formatter.format_line(record) + self.terminator
            return self.format(_as_record(record)) + self.terminator
        except Exception:
            self.handleError(_as_record(record))
            return ""

    def _wake_writer(self) -> None:
        if not self._has_thread:
            try:
                threading.Thread(target=self._write, name="kedro-asgi-log", daemon=True).start()
            except RuntimeError:
                # The system has no thread left, or the interpreter ends.
                self._is_awake = False
                self.flush()
                return
            self._has_thread = True
        self._wake.put(None)

    # --- in the writer thread ---

    def _write(self) -> None:
        while True:
            self._wake.get()
            with suppress(Empty):
                self._urgent.get(timeout=_LINGER_SECONDS)
                # Those that came meanwhile are written now, too.
                while True:
                    self._urgent.get_nowait()
            # Before the look: a line that comes after the last look wakes this thread again.
            self._is_awake = False
            self.flush()


def _copied(record: logging.LogRecord, read: Callable[[logging.LogRecord], str]) -> logging.LogRecord:
    """Return a record that no other handler changes, and whose message does not change either."""
    copied = type(record).__new__(type(record))
    copied.__dict__.update(record.__dict__)
    if not (
        type(record.msg) is str and isinstance(record.args, tuple) and _CONSTANTS.issuperset(map(type, record.args))
    ):
        copied.msg, copied.args = read(record), None
    return copied


def _as_record(record: logging.LogRecord | Line) -> logging.LogRecord:
    """Return a line as a record, for a formatter that came after the line."""
    if isinstance(record, logging.LogRecord):
        return record
    facts = {"name": record.logger, "levelno": record.level, "levelname": logging.getLevelName(record.level)}
    created = {"created": record.created, "msecs": record.created % 1 * 1000}
    return logging.makeLogRecord({**facts, **created, **record.facts, "msg": record.text, "args": record.args})


def _loss(lines: int) -> logging.LogRecord:
    facts: dict[str, Any] = {"name": __name__, "levelno": logging.WARNING, "levelname": "WARNING"}
    return logging.makeLogRecord({**facts, "msg": f"{lines} lines of the log were lost: they came too fast."})

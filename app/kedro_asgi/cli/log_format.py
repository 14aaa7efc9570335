"""How the commands write log records: as lines of text, or as JSON objects."""

import logging
import time
from datetime import UTC, datetime
from typing import Any, Literal

from kedro_asgi.encoding import encode_json
from kedro_asgi.errors.wording import indented

LogFormat = Literal["text", "json"]
TEXT_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(run_prefix)s%(message)s"

# The form of `logging.config.dictConfig`.
RUN_FILTER = {"()": "kedro_asgi.run_context.RunContextFilter"}
_CLASSES = {"text": "TextFormatter", "json": "JsonFormatter"}


def formatter_config(log_format: LogFormat) -> dict[str, str]:
    """Return a formatter as `logging.config.dictConfig` takes it."""
    return {"()": f"{__name__}.{_CLASSES[log_format]}"}


class TextFormatter(logging.Formatter):
    """Formats records so that only the first line of each starts at the margin, and none controls a terminal."""

    def __init__(
        self, format: str | None = TEXT_FORMAT, datefmt: str | None = None, style: Any = "%", validate: bool = True
    ) -> None:
        super().__init__(format, datefmt, style, validate, defaults={"run_prefix": ""})
        self._latest = (0, "")

    def format(self, record: logging.LogRecord) -> str:
        return indented(super().format(record))

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        """Return the time as `logging` does, but make the text of each second once."""
        if datefmt:
            return super().formatTime(record, datefmt)
        second, text = self._latest
        if second != int(record.created):
            second = int(record.created)
            text = time.strftime(self.default_time_format, self.converter(second))
            self._latest = second, text
        return f"{text},{int(record.msecs):03d}"


class JsonFormatter(logging.Formatter):
    """Formats each record as one JSON object; outside of runs, ``run_id``, ``pipeline`` and ``node`` are null."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "run_id": getattr(record, "run_id", None),
            "pipeline": getattr(record, "pipeline", None),
            "node": getattr(record, "node", None),
        }
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = self.formatException(record.exc_info)
        return encode_json(line, fallback=str).decode()

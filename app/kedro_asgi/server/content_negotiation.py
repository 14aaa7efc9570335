"""The media types of a request for a run and of its answer: the one look at ``Content-Type`` and ``Accept``."""

from collections.abc import Sequence

import msgspec
from starlette.types import Scope

from kedro_asgi.media_types import ARROW, CSV, EVENT_STREAM, FORM, JSON, MULTIPART, NDJSON, PARQUET

TABLES = (ARROW, PARQUET, CSV)
"""Types of an answer that is one table."""
STREAMS = (EVENT_STREAM, NDJSON)
"""Types of an answer that comes in parts while the run goes on."""
BODIES = (ARROW, PARQUET, MULTIPART, FORM)
"""Types of a body with tables."""

_ANSWERS = frozenset((*TABLES, *STREAMS, MULTIPART))
# Other types of these families are refused by name. All else is read as JSON, as Kedro's server reads it.
_NOT_JSON = ("multipart/", "application/vnd.apache.")
_WILDCARDS = frozenset(("*/*", "application/*"))
# The headers of nearly all callers; ``None``: they send none.
_USUAL_BODIES = frozenset((None, JSON.encode()))
_USUAL_ANSWERS = frozenset((None, b"*/*", JSON.encode()))


class MediaTypes(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The type of a body and the type that its answer is to have; ``content_type`` is the header as it came.

    ``takes_json`` tells whether the caller also takes JSON where there is no answer of the other type.
    """

    body: str = JSON
    answer: str = JSON
    content_type: str = ""
    takes_json: bool = True

    @property
    def has_columnar_answer(self) -> bool:
        """Whether the answer is to have tables."""
        return self.answer in TABLES or self.answer == MULTIPART

    @property
    def is_columnar(self) -> bool:
        """Whether the body or the answer has tables."""
        return self.body != JSON or self.has_columnar_answer


def media_types(scope: Scope) -> MediaTypes | None:
    """Return the media types of a request and its answer; ``None`` if both are JSON.

    A caller gets another type only if its ``Accept`` names that type, as ``application/vnd.apache.parquet``: a type
    with ``*`` stands for JSON, and so does a type that the server does not know.
    """
    content_type = accept = None
    for name, value in scope["headers"]:
        if name == b"content-type":
            content_type = value if content_type is None else content_type
        elif name == b"accept":
            accept = value if accept is None else accept + b"," + value
    if content_type in _USUAL_BODIES and accept in _USUAL_ANSWERS:
        return None
    return _named_types(_text(content_type), _text(accept))


def _text(value: bytes | None) -> str:
    return "" if value is None else value.decode("latin-1")


def _named_types(content_type: str, accept: str) -> MediaTypes | None:
    name = _name(content_type)
    body = name if name.startswith(_NOT_JSON) else JSON
    answer, takes_json = _preferred(accept)
    if body == answer == JSON:
        return None
    return MediaTypes(body=body, answer=answer, content_type=content_type, takes_json=takes_json)


def _preferred(accept: str) -> tuple[str, bool]:
    """Return the type that a caller wants most, and whether it takes JSON: the first one of the highest quality."""
    quality_of_json, best, quality_of_best = 0.0, JSON, 0.0
    for part in accept.split(","):
        name, *parameters = part.split(";")
        name, quality = _name(name), _quality(parameters)
        if name in _ANSWERS and quality > quality_of_best:
            best, quality_of_best = name, quality
        elif name == JSON and quality > quality_of_best:
            best, quality_of_best = JSON, quality
        if name == JSON or name in _WILDCARDS:
            quality_of_json = max(quality_of_json, quality)
    return best, quality_of_json > 0 or best == JSON


def _name(text: str) -> str:
    return text.partition(";")[0].strip().lower()


def _quality(parameters: Sequence[str]) -> float:
    """Return the ``q`` of a type, from 0 to 1; one that is malformed is 1, as if it were absent."""
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                quality = float(value)
            except ValueError:
                return 1.0
            return quality if 0 <= quality <= 1 else 1.0
    return 1.0

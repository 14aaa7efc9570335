"""Bodies with tables, read in a thread: the first of them imports ``pyarrow``."""

from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.exceptions import HTTPException

from kedro_asgi.errors import MultipartError, OversizedTableError, TableError
from kedro_asgi.media_types import ARROW, FORM, JSON, MULTIPART, PARQUET
from kedro_asgi.multipart import Part, read_parts
from kedro_asgi.server.columnar.library import require_library
from kedro_asgi.server.content_negotiation import BODIES
from kedro_asgi.tables.arrow_table import ArrowTable

_ANY: msgspec.json.Decoder[Any] = msgspec.json.Decoder()
_REQUEST = "request"


class TableBody(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The tables of a body by the names of inputs, and the fields of the run; ``None`` stands for a name in the query.

    ``document`` is ``None`` where the query holds the fields.
    """

    tables: Mapping[str | None, ArrowTable]
    document: dict[str, Any] | None = None


def decode_body(content: bytearray, media_type: str, content_type: str, *, max_bytes: int) -> TableBody:
    """Return what a body holds; its tables take ``max_bytes`` at most when they are unpacked.

    Raises 413, 415 or 422, as `HTTPException`.
    """
    if media_type not in BODIES:
        detail = f"A body of type '{media_type}' cannot be read; known are {', '.join((JSON, *BODIES))}."
        raise HTTPException(415, detail, headers={"Accept-Post": ", ".join((JSON, *BODIES))})
    require_library(415)
    if media_type in (MULTIPART, FORM):
        return _decode_parts(content, content_type, max_bytes)
    return TableBody(tables={None: _decode_table("The table", content, media_type, max_bytes)})


def _decode_table(what: str, content: bytearray | memoryview, media_type: str, max_bytes: int) -> ArrowTable:
    from kedro_asgi.tables.arrow import read_parquet, read_stream

    read = read_parquet if media_type == PARQUET else read_stream
    try:
        return ArrowTable(read(content, max_bytes=max_bytes))
    except OversizedTableError as error:
        raise HTTPException(413, f"{what} cannot be used: {error}.") from error
    except TableError as error:
        raise HTTPException(422, f"{what} cannot be used: {error}.") from error


def _decode_parts(content: bytearray, content_type: str, max_bytes: int) -> TableBody:
    try:
        parts = read_parts(content, content_type)
    except MultipartError as error:
        raise HTTPException(422, f"The body cannot be read: {error}.") from error
    tables: dict[str | None, ArrowTable] = {}
    document: dict[str, Any] | None = None
    left = max_bytes
    for part in parts:
        if part.content_type == JSON or part.name == _REQUEST:
            if document is not None:
                raise HTTPException(422, "The body has more than one part of JSON; one holds the fields of the run.")
            document = _decode_fields(part)
            continue
        name = _name_of_table(part, tables)
        tables[name] = table = _decode_table(f"Table '{name}'", memoryview(part.content), part.content_type, left)
        left -= table.size_bytes
    return TableBody(tables=tables, document=document or {})


def _name_of_table(part: Part, known: Mapping[str | None, ArrowTable]) -> str:
    if part.content_type not in (ARROW, PARQUET):
        raise HTTPException(
            415,
            f"Part '{part.name or ''}' is of type '{part.content_type or 'text/plain'}'; "
            f"expected are {ARROW}, {PARQUET}, and {JSON} for the fields of the run.",
        )
    if not part.name:
        raise HTTPException(422, "A table has no name: its part needs 'Content-Disposition: attachment; name=\"…\"'.")
    if part.name in known:
        raise HTTPException(422, f"Two parts are named '{part.name}'.")
    return part.name


def _decode_fields(part: Part) -> dict[str, Any]:
    try:
        fields = _ANY.decode(part.content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise HTTPException(422, f"The part with the fields of the run is no JSON: {error}.") from error
    if not isinstance(fields, dict):
        raise HTTPException(422, "The part with the fields of the run must hold a JSON object.")
    return fields

"""Answers that are tables, written in a thread."""

from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.exceptions import HTTPException

from kedro_asgi.dispatch.kept_outputs import is_columnar
from kedro_asgi.encoding import decode_json, encode_json, encode_output
from kedro_asgi.errors import TableError, UnencodableOutputError
from kedro_asgi.media_types import ARROW, CSV, JSON, PARQUET
from kedro_asgi.multipart import Part, write_parts
from kedro_asgi.schemas import RunSuccess
from kedro_asgi.server.columnar.buffer_response import BufferResponse
from kedro_asgi.server.columnar.library import require_library

_ANY: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


def table_response(name: str, content: Any, media_type: str, headers: Mapping[str, str]) -> BufferResponse:
    """Return an output, which is JSON or a stream of Arrow, as a table of that type; raises 406 if it is none."""
    require_library(406)
    try:
        return BufferResponse([_written(name, content, media_type)], media_type, headers)
    except TableError as error:
        raise HTTPException(406, f"Output '{name}' cannot be given as {media_type}: {error}.") from error


def json_of(name: str, content: Any) -> bytes:
    """Return an output, which is JSON or a stream of Arrow, as JSON; raises 406 if it has no form there."""
    if not is_columnar(content):
        return bytes(content)
    require_library(406)
    from kedro_asgi.tables.arrow import as_json_value, stored_table

    try:
        return bytes(encode_output(name, as_json_value(stored_table(content))))
    except UnencodableOutputError as error:
        raise HTTPException(406, f"Output '{name}' cannot be given as {JSON}: {error}") from error


def parts_response(success: RunSuccess, headers: Mapping[str, str]) -> BufferResponse:
    """Return a run that succeeded as JSON, followed by its tables, each a part with the name of the output."""
    outputs = success.outputs or {}
    tables = {name: content for name, content in outputs.items() if not isinstance(content, msgspec.Raw)}
    others = {name: content for name, content in outputs.items() if name not in tables}
    fields = encode_json(msgspec.structs.replace(success, outputs=others))
    parts = [Part(content_type=JSON, content=fields)]
    parts += [Part(name=name, content_type=ARROW, content=memoryview(table)) for name, table in tables.items()]
    media_type, pieces = write_parts(parts)
    return BufferResponse(pieces, media_type, headers)


def _written(name: str, content: Any, media_type: str) -> Any:
    from kedro_asgi.tables.arrow import stored_table, table_from_json, write_csv, write_parquet, write_stream

    if is_columnar(content):
        if media_type == ARROW:
            return content
        table = stored_table(content)
    else:
        table = table_from_json(name, decode_json(bytes(content), _ANY))
    return {ARROW: write_stream, PARQUET: write_parquet, CSV: write_csv}[media_type](table)

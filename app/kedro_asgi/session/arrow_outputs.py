"""Outputs of runs as streams of Arrow, where they are tables."""

from typing import Any

from kedro_asgi.encoding import encode_output
from kedro_asgi.tables.arrow import table_of, write_stream


def encode_as_columns(name: str, value: object) -> Any:
    """Return a table, a column or an array as a stream of Arrow, in a buffer; any other value as JSON.

    Raises `UnencodableOutputError` for a value that has neither form.
    """
    table = table_of(value, name=name)
    return encode_output(name, value) if table is None else write_stream(table)

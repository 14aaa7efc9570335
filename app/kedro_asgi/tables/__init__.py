"""Convert tables and arrays of libraries into plain values that JSON knows, and back.

No library is imported to look at a value: the code that made the value has imported it (Q-42).
"""

from kedro_asgi.tables.form import Library, TableForm
from kedro_asgi.tables.frames import frame_of
from kedro_asgi.tables.records import Records
from kedro_asgi.tables.values import as_plain, plain_value, whole_value
from kedro_asgi.tables.values.keys import with_distinct_keys
from kedro_asgi.tables.values.standard import parts_of
from kedro_asgi.tables.values.types import never_has_plain_form

__all__ = [
    "Library",
    "Records",
    "TableForm",
    "as_plain",
    "frame_of",
    "never_has_plain_form",
    "parts_of",
    "plain_value",
    "whole_value",
    "with_distinct_keys",
]

"""Tables and arrays of libraries, and the plain values that stand for them in JSON: both ways.

No library is imported to look at a value: whoever made one has imported it (Q-42).
"""

from kedro_asgi.tables.form import Library, TableForm
from kedro_asgi.tables.frames import frame_of
from kedro_asgi.tables.records import Records
from kedro_asgi.tables.values import as_plain, plain_value, whole_value

__all__ = ["Library", "Records", "TableForm", "as_plain", "frame_of", "plain_value", "whole_value"]

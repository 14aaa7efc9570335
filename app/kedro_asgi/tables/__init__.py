"""Convert tables and arrays of libraries into plain values that JSON knows, and back.

No library is imported to look at a value: the code that made the value has imported it (Q-42).
"""

from kedro_asgi.tables.frames import frame_of as frame_of
from kedro_asgi.tables.records import Records as Records
from kedro_asgi.tables.table_form import Library as Library
from kedro_asgi.tables.table_form import TableForm as TableForm
from kedro_asgi.tables.values import as_plain as as_plain
from kedro_asgi.tables.values import plain_value as plain_value
from kedro_asgi.tables.values import whole_value as whole_value
from kedro_asgi.tables.values.keys import with_distinct_keys as with_distinct_keys
from kedro_asgi.tables.values.standard import parts_of as parts_of
from kedro_asgi.tables.values.types import never_has_plain_form as never_has_plain_form

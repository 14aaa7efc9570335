"""Tables of pyarrow."""

from collections.abc import Mapping
from typing import Any

from kedro_asgi.errors import TableError
from kedro_asgi.tables.table_form import TableForm


def arrow_table(pyarrow: Any, columns: Mapping[str, list[Any]], form: TableForm) -> Any:
    """Return a ``pyarrow.Table``; declared types are names in pyarrow. Raises `TableError`."""
    return pyarrow.table({name: _array(pyarrow, name, values, form) for name, values in columns.items()})


def _array(pyarrow: Any, name: str, values: list[Any], form: TableForm) -> Any:
    dtype = form.dtype_of(name)
    try:
        wanted = pyarrow.type_for_alias(dtype) if isinstance(dtype, str) else dtype
        return pyarrow.array(values, type=wanted)
    except (TypeError, ValueError, OverflowError) as error:
        raise TableError(f"column '{name}': {error}") from error

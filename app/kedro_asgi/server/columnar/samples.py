"""The first rows of a table as JSON, to check it against the schema of a pipeline."""

from typing import Any

from starlette.exceptions import HTTPException

from kedro_asgi.errors import TableError
from kedro_asgi.tables import as_plain
from kedro_asgi.tables.arrow_table import ArrowTable

# A column has one type in all rows, so further rows would tell little.
_ROWS = 100


def sample(name: str, table: ArrowTable) -> Any:
    """Return the first rows of ``table`` as records; raises 422."""
    try:
        return as_plain(table.table.slice(0, _ROWS))
    except (TableError, TypeError, ValueError) as error:
        raise HTTPException(422, f"Table '{name}' cannot be used: {error}.") from error

"""The form in which outputs are kept, and kept outputs as JSON whatever their form is."""

import anyio.to_thread
from starlette.exceptions import HTTPException

from kedro_asgi.dispatch.kept_outputs import is_columnar
from kedro_asgi.runs import RunOrder
from kedro_asgi.server.columnar.runs import with_columnar_outputs
from kedro_asgi.server.mcp.resource_texts import NoResourceError


async def kept_as_asked(order: RunOrder, output_format: object) -> RunOrder:
    """Return an order whose tables are kept as the call asks; raises `NoResourceError` if they cannot be."""
    if output_format != "arrow":
        return order
    # Few outputs are kept as columns.
    from kedro_asgi.server.columnar.library import require_library

    try:
        await anyio.to_thread.run_sync(require_library, 406)
    except HTTPException as error:
        raise NoResourceError(error.detail) from error
    return with_columnar_outputs(order)


async def output_as_json(name: str, content: bytes) -> bytes:
    """Return a kept output as JSON; raises `NoResourceError` for a table that has no form there."""
    if not is_columnar(content):
        return content
    # Few outputs are kept as columns.
    from kedro_asgi.server.columnar.answers import json_of

    try:
        return await anyio.to_thread.run_sync(json_of, name, content)
    except HTTPException as error:
        raise NoResourceError(error.detail) from error

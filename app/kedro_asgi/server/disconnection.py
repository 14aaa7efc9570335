"""The end of a client's connection, before the response has ended."""

from starlette.types import Receive


async def until_disconnected(receive: Receive) -> None:
    """Wait until the client disconnects; what it sends before that is dropped."""
    while (await receive())["type"] != "http.disconnect":
        pass

"""The request that code of a context works for, in servers whose logs or traces ask for it."""

from contextvars import ContextVar
from time import perf_counter

import msgspec


class CurrentRequest(msgspec.Struct, eq=False, gc=False):
    """A request of a server: its id, when it began, and how it is answered, once that is known.

    ``is_untraced``: its trace is not sampled, so nothing below it makes spans.
    """

    id: str
    started: float = msgspec.field(default_factory=perf_counter)
    is_untraced: bool = False
    route: str | None = None
    status: int | None = None


CURRENT_CALLER: ContextVar[str | None] = ContextVar("kedro_asgi_current_caller", default=None)
"""The name of the caller of the request that code of this context works for, where callers have to be known."""

CURRENT_REQUEST: ContextVar[CurrentRequest | None] = ContextVar("kedro_asgi_current_request", default=None)


def is_untraced() -> bool:
    """Whether code of this context works for a request whose trace is not sampled.

    The current span says so, too, but takes ten times as long to ask.
    """
    request = CURRENT_REQUEST.get()
    return request is not None and request.is_untraced

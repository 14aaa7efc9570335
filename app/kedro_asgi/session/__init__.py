"""Sessions: one run, many runs, and many runs from async code."""

from kedro_asgi.errors import KedroContextError, KedroSessionError
from kedro_asgi.session.abstract_session import AbstractSession
from kedro_asgi.session.async_session import AsyncSession, Outcome
from kedro_asgi.session.context import KedroContext
from kedro_asgi.session.kedro_session import KedroSession
from kedro_asgi.session.service_session import Convert, KedroServiceSession, RunResult
from kedro_asgi.session.store import BaseSessionStore, JSONSessionStore

__all__ = [
    "AbstractSession",
    "AsyncSession",
    "BaseSessionStore",
    "Convert",
    "JSONSessionStore",
    "KedroContext",
    "KedroContextError",
    "KedroServiceSession",
    "KedroSession",
    "KedroSessionError",
    "Outcome",
    "RunResult",
]

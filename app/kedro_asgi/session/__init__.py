"""Sessions: one run, many runs, and many runs from async code."""

from kedro_asgi.errors import KedroSessionError
from kedro_asgi.session.abstract import AbstractSession
from kedro_asgi.session.asynchronous import AsyncSession, Outcome
from kedro_asgi.session.context import KedroContext
from kedro_asgi.session.kedro_session import KedroSession
from kedro_asgi.session.service import Convert, KedroServiceSession, RunResult
from kedro_asgi.session.store import BaseSessionStore, JSONSessionStore

__all__ = [
    "AbstractSession",
    "AsyncSession",
    "BaseSessionStore",
    "Convert",
    "JSONSessionStore",
    "KedroContext",
    "KedroServiceSession",
    "KedroSession",
    "KedroSessionError",
    "Outcome",
    "RunResult",
]

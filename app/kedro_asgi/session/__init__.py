"""Sessions: one run, many runs, and many runs from async code."""

from typing import TYPE_CHECKING

from kedro_asgi.errors import KedroContextError as KedroContextError
from kedro_asgi.errors import KedroSessionError as KedroSessionError
from kedro_asgi.late_exports import late_exports
from kedro_asgi.outcome import Outcome as Outcome

if TYPE_CHECKING:
    from kedro_asgi.session.abstract_session import AbstractSession as AbstractSession
    from kedro_asgi.session.async_session import AsyncSession as AsyncSession
    from kedro_asgi.session.context import KedroContext as KedroContext
    from kedro_asgi.session.results import Convert as Convert
    from kedro_asgi.session.results import RunResult as RunResult
    from kedro_asgi.session.service_session import KedroServiceSession as KedroServiceSession
    from kedro_asgi.session.session import KedroSession as KedroSession
    from kedro_asgi.session.store import BaseSessionStore as BaseSessionStore
    from kedro_asgi.session.store import JSONSessionStore as JSONSessionStore
else:
    # A server answers before it has imported the engine, which it does in the thread that opens the project.
    __getattr__ = late_exports(
        __name__,
        {
            "abstract_session": ("AbstractSession",),
            "async_session": ("AsyncSession",),
            "context": ("KedroContext",),
            "results": ("Convert", "RunResult"),
            "service_session": ("KedroServiceSession",),
            "session": ("KedroSession",),
            "store": ("BaseSessionStore", "JSONSessionStore"),
        },
    )

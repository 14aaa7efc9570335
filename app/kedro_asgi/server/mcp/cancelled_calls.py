"""Ends the run of a call that its client has cancelled by a message of its own.

Since 2026, the protocol cancels a call by the end of its request. Earlier clients send a notification, as a request of
its own that any worker process may get. So a run has a label that only a client that knows the session can name.
"""

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from mcp.shared.jsonrpc_dispatcher import cancelled_request_id_from_params
from starlette.requests import Request

from kedro_asgi.dispatch import Dispatcher
from kedro_asgi.errors import DispatchError
from kedro_asgi.runs import RunQuery
from kedro_asgi.server.access.audit import log_call
from kedro_asgi.server.access.caller import caller_of
from kedro_asgi.server.mcp.permissions import Context

SESSION_HEADER = "Mcp-Session-Id"
_LABEL = "mcp_call"


def call_label(context: Context) -> Mapping[str, str]:
    """Return the label of the run of a call; there is none without a session."""
    session = context.request.headers.get(SESSION_HEADER) if isinstance(context.request, Request) else None
    return {} if session is None else {_LABEL: _digest(session, context.request_id)}


class CancelledCalls:
    """Cancels the runs of calls that clients have cancelled."""

    def __init__(self, runs: Dispatcher) -> None:
        self._runs = runs

    async def cancel(self, request: Request, params: Any) -> None:
        """Cancel the run of the call that the parameters of a notification name, if it has one."""
        session = request.headers.get(SESSION_HEADER)
        request_id = cancelled_request_id_from_params(params if isinstance(params, dict) else None)
        if session is None or request_id is None:
            return
        log_call(request.scope, "cancelled", 202)
        caller = caller_of(request.scope)
        with suppress(DispatchError):
            page = await self._runs.list(RunQuery(labels={_LABEL: _digest(session, request_id)}, limit=1))
            for record in page.runs:
                if caller is None or caller.may_see(record.pipeline_names):
                    await self._runs.cancel(record.run_id)


def _digest(session: str, request_id: Any) -> str:
    # The id "1" is another one than the number 1. The session is a secret, and labels are shown.
    return hashlib.sha256(f"{session}\n{request_id!r}".encode()).hexdigest()

"""The span that code of this context works for, where the process uses OpenTelemetry; never imports it."""

import sys
from collections.abc import Mapping
from typing import Any

from msgspec import UNSET, UnsetType

from kedro_asgi.current_request import is_untraced

TraceHeaders = Mapping[str, str]
"""A place in a trace, as the headers of W3C Trace Context: ``traceparent`` and, if there is one, ``tracestate``."""

# The number of characters that the standard asks to pass on; callers send more, and records keep them.
_MAX_STATE = 512


def opentelemetry_api() -> Any:
    """Return the module ``opentelemetry.trace`` if this process has imported it, else ``None``.

    A process that has not makes no spans, so it pays one look into a dictionary.
    """
    api = sys.modules.get("opentelemetry.trace")
    # Another thread may be importing it at this moment.
    return api if api is not None and hasattr(api, "use_span") else None


def current_trace_ids() -> tuple[str, str] | None:
    """Return the ids of the current trace and span in hexadecimal, as logs have them."""
    context = _span_context()
    return None if context is None else (f"{context.trace_id:032x}", f"{context.span_id:016x}")


def current_trace_headers() -> TraceHeaders | UnsetType:
    """Return the place in the current trace, for another process or for later."""
    context = _span_context()
    return UNSET if context is None else _headers(context)


def _headers(context: Any) -> TraceHeaders:
    headers = {"traceparent": f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"}
    if context.trace_state and len(state := context.trace_state.to_header()) <= _MAX_STATE:
        headers["tracestate"] = state
    return headers


def sampled_trace_headers() -> TraceHeaders | UnsetType:
    """Return the place in the current trace, unless that is not sampled: nothing of it is exported."""
    if opentelemetry_api() is None or is_untraced() or (context := _span_context()) is None:
        return UNSET
    return _headers(context) if context.trace_flags.sampled else UNSET


def trace_id_of(headers: TraceHeaders | UnsetType) -> str | None:
    """Return the id of the trace in which a place is."""
    return None if headers is UNSET else headers.get("traceparent", "")[3:35] or None


def _span_context() -> Any:
    if (api := opentelemetry_api()) is None:
        return None
    context = api.get_current_span().get_span_context()
    return context if context.is_valid else None

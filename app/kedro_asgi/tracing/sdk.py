"""Configures OpenTelemetry's SDK by the standard variables ``OTEL_…``, for processes that have no provider yet."""

import os
from importlib import import_module
from typing import Any

from kedro_asgi.errors import ServerSettingsError
from kedro_asgi.python_modules import is_importable
from kedro_asgi.trace_context import opentelemetry_api
from kedro_asgi.tracing.activation import any_tracer

VARIABLE = "KEDRO_SERVER_OTEL"
"""Asks a process to export spans; the processes of runs and of nodes inherit it."""

LAST_SECONDS = 2.0
"""How long the last spans of a process may take to the collector."""

_EXTRA = "Tracing needs an extra: pip install 'kedro-asgi[otel]'"
_HTTP, _GRPC = "http/protobuf", "grpc"
# The process of a run may be killed at any time, so it keeps no span for long.
_DELAY_MILLISECONDS = 500
# The numbers for exports, with the defaults of OpenTelemetry's specification.
_BATCHES = {"MAX_QUEUE_SIZE": 2048, "SCHEDULE_DELAY": 5000, "MAX_EXPORT_BATCH_SIZE": 512}


def check_sdk() -> None:
    """Raise `ServerSettingsError` if the SDK is not installed, or if a variable cannot be used."""
    if not all(map(is_importable, ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http"))):
        raise ServerSettingsError(_EXTRA)
    name = _exporter_name()
    if name not in ("otlp", "console", "none"):
        raise ServerSettingsError(f"OTEL_TRACES_EXPORTER must be 'otlp', 'console' or 'none', not {name!r}")
    protocol = _protocol()
    if protocol not in (_HTTP, _GRPC):
        raise ServerSettingsError(f"OTEL_EXPORTER_OTLP_PROTOCOL must be '{_HTTP}' or '{_GRPC}', not {protocol!r}")
    if name == "otlp" and protocol == _GRPC and not is_importable("opentelemetry.exporter.otlp.proto.grpc"):
        raise ServerSettingsError(
            "OTEL_EXPORTER_OTLP_PROTOCOL=grpc needs: pip install opentelemetry-exporter-otlp-proto-grpc"
        )
    _check_batches()
    _check_propagators()
    _check_span_limits()


def _check_batches() -> None:
    """Raise `ServerSettingsError` for numbers that the SDK refuses; it takes its default for what is no number."""
    found = {name: _number(f"OTEL_BSP_{name}", default) for name, default in _BATCHES.items()}
    for name, number in found.items():
        if number <= 0:
            raise ServerSettingsError(f"OTEL_BSP_{name} must be above 0, not {number}")
    batch, queue = found["MAX_EXPORT_BATCH_SIZE"], found["MAX_QUEUE_SIZE"]
    if batch > queue:
        raise ServerSettingsError(
            f"OTEL_BSP_MAX_EXPORT_BATCH_SIZE ({batch}) is above OTEL_BSP_MAX_QUEUE_SIZE ({queue})"
        )


def _check_propagators() -> None:
    """Raise `ServerSettingsError` for a propagator that is not installed: the API itself cannot be imported then."""
    try:
        import_module("opentelemetry.propagate")
    except ValueError as error:
        raise ServerSettingsError(f"OTEL_PROPAGATORS cannot be used: {error}") from error


def _check_span_limits() -> None:
    """Raise `ServerSettingsError` for a limit of spans that the SDK refuses, which it does when it is imported."""
    try:
        import_module("opentelemetry.sdk.trace")
    except ValueError as error:
        raise ServerSettingsError(str(error)) from error


def _number(variable: str, default: int) -> int:
    try:
        return int(os.environ.get(variable, default))
    except ValueError:
        return default


def set_up_sdk(*, is_short_lived: bool = False) -> None:
    """Export spans of this process, and of those that it starts, unless it has a provider.

    ``is_short_lived``: the process may be killed at any time. Raises `ServerSettingsError`.
    """
    os.environ[VARIABLE] = "true"
    if any_tracer() is not None:
        return
    check_sdk()
    from opentelemetry import trace

    if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        trace.set_tracer_provider(_provider(is_short_lived=is_short_lived))


def set_up_inherited_sdk() -> None:
    """Export the spans of a process of runs or nodes, if its server does."""
    if os.environ.get(VARIABLE) == "true":
        set_up_sdk(is_short_lived=True)


def flush_spans(timeout_seconds: float = LAST_SECONDS) -> None:
    """Export the spans that wait, as far as the time allows; does nothing without a provider of the SDK."""
    api = opentelemetry_api()
    flush = None if api is None else getattr(api.get_tracer_provider(), "force_flush", None)
    if flush is not None:
        flush(int(timeout_seconds * 1000))


def _provider(*, is_short_lived: bool) -> Any:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    is_named = "OTEL_SERVICE_NAME" in os.environ or "service.name=" in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    provider = TracerProvider(resource=Resource.create({} if is_named else {"service.name": "kedro-asgi"}))
    exporter = _exporter()
    if exporter is not None:
        delay = _DELAY_MILLISECONDS if is_short_lived and "OTEL_BSP_SCHEDULE_DELAY" not in os.environ else None
        provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=delay))
    return provider


def _exporter() -> Any:
    match _exporter_name(), _protocol():
        case "none", _:
            return None
        case "console", _:
            from opentelemetry.sdk.trace.export import ConsoleSpanExporter

            return ConsoleSpanExporter()
        case _, "grpc":
            # Not a part of the extra.
            return import_module("opentelemetry.exporter.otlp.proto.grpc.trace_exporter").OTLPSpanExporter()
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter()


def _exporter_name() -> str:
    return os.environ.get("OTEL_TRACES_EXPORTER", "").strip() or "otlp"


def _protocol() -> str:
    variables = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
    return next((value for name in variables if (value := os.environ.get(name, "").strip())), _HTTP)

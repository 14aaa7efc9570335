"""The SDK is configured by the variables of OpenTelemetry, and a wrong one is one line."""

import sys

import pytest

from kedro_asgi.errors import ServerSettingsError
from kedro_asgi.tracing.sdk import VARIABLE, check_sdk, set_up_sdk
from tracing.conftest import Spans


@pytest.mark.parametrize(
    ("variable", "value", "problem"),
    [
        ("OTEL_TRACES_EXPORTER", "zipkin", "must be 'otlp', 'console' or 'none', not 'zipkin'"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json", "must be 'http/protobuf' or 'grpc', not 'http/json'"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "100", r"MAX_EXPORT_BATCH_SIZE \(512\) is above OTEL_BSP_MAX_QUEUE_SIZE \(100\)"),
        ("OTEL_BSP_SCHEDULE_DELAY", "0", "OTEL_BSP_SCHEDULE_DELAY must be above 0, not 0"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc", "pip install opentelemetry-exporter-otlp-proto-grpc"),
    ],
)
def test_a_variable_that_cannot_be_used_is_refused(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, problem: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ServerSettingsError, match=problem):
        check_sdk()


def test_without_the_extra_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk", None)
    with pytest.raises(ServerSettingsError, match=r"pip install 'kedro-asgi\[otel\]'"):
        check_sdk()


def test_a_process_keeps_the_provider_that_it_has(spans: Spans, monkeypatch: pytest.MonkeyPatch) -> None:
    from opentelemetry import trace

    monkeypatch.setenv(VARIABLE, "true")
    provider = trace.get_tracer_provider()
    set_up_sdk()
    assert trace.get_tracer_provider() is provider


@pytest.mark.parametrize(
    ("variable", "value", "problem"),
    [
        ("OTEL_TRACES_EXPORTER", "nope", "OTEL_TRACES_EXPORTER must be"),
        ("OTEL_PROPAGATORS", "no_such", "OTEL_PROPAGATORS cannot be used: Propagator no_such not found"),
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "-1", "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT must be a non-negative integer"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "-3", "OTEL_BSP_MAX_QUEUE_SIZE must be above 0, not -3"),
    ],
)
def test_serve_ends_with_one_line(tiny, command, variable: str, value: str, problem: str) -> None:
    done = command("serve", tiny, "--otel", "--port", "0", environ={variable: value})
    assert done.returncode == 1
    assert problem in done.stderr
    assert "Traceback" not in done.stderr

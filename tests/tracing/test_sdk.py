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
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc", "pip install opentelemetry-exporter-otlp-proto-grpc"),
    ],
)
def test_an_exporter_that_there_is_not_is_refused(
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


def test_serve_ends_with_one_line(tiny, command) -> None:
    done = command("serve", tiny, "--otel", "--port", "0", environ={"OTEL_TRACES_EXPORTER": "nope"})
    assert done.returncode == 1
    assert "OTEL_TRACES_EXPORTER must be" in done.stderr
    assert "Traceback" not in done.stderr

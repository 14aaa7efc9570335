"""What do metrics and traces cost a run over HTTP?

``POST /run`` of two nodes in memory, recorded in a file, at 8 callers. The sampler of OpenTelemetry drops all traces or
keeps all; spans that are kept are not exported. Servers under uvicorn log warnings only. The SDK of OpenTelemetry alone
makes as many spans with as many attributes in a loop, where each of its instructions stays in the caches of a core.
"""

import tempfile
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from harness import Case, Numbers, add_ratios, median_us, read_options, take_turns, write
from load import Load, run_request, send
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from servers import Process, Server, ours

from projects import write_project

_CALLERS = 8
_RUN = run_request({"params": {"a": 10}})
_OFF = "neither"
# Of the spans of a request, its run and its two nodes.
_ATTRIBUTES = [{f"attribute.{number}": "value" for number in range(count)} for count in (11, 5, 4, 4)]
_TRACING = {"KEDRO_SERVER_OTEL": "true", "OTEL_TRACES_EXPORTER": "none"}


def main() -> None:
    """Run the benchmark."""
    options = read_options(__doc__)
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        servers = [
            _server(_OFF, Path(name) / "off", KEDRO_SERVER_METRICS="false"),
            _server("metrics", Path(name) / "metrics"),
            _server("metrics, dropped traces", Path(name) / "dropped", **_TRACING, OTEL_TRACES_SAMPLER="always_off"),
            _server("metrics, kept traces", Path(name) / "kept", **_TRACING),
        ]
        running = [stack.enter_context(server.running()) for server in servers]
        times = options.pick(quick=1000, full=4000)
        for process in running:
            send(process.port, Load(requests=[_RUN], callers=_CALLERS, times=times // 4))
        cases = [Case(side=process.name, measure=partial(_round, process, times)) for process in running]
        measured = take_turns(cases, rounds=options.pick(quick=5, full=15))
        write("observability", "POST /run, 8 callers", add_ratios(measured, _OFF, "per_second", "cpu_us", label="off"))
    spans = partial(_make_spans, TracerProvider(shutdown_on_exit=False).get_tracer("bench"))
    alone = median_us(spans, repeats=options.pick(quick=2000, full=20000), clock=time.process_time)
    write("observability", "Four spans in a loop", [{"side": "the SDK alone", "cpu_us": alone}])


def _make_spans(tracer: trace.Tracer) -> None:
    """Make and end spans, each within the one before."""
    context, spans = None, []
    for attributes in _ATTRIBUTES:
        spans.append(tracer.start_span("span", context, attributes=attributes))
        context = trace.set_span_in_context(spans[-1])
    for span in reversed(spans):
        span.end()


def _server(name: str, folder: Path, **environ: str) -> Server:
    return ours(name, write_project(folder, engine="kedro_asgi"), **environ)


def _round(process: Process, times: int) -> Numbers:
    """Return numbers of one load, with the CPU time that the server took for each request."""
    before = sum(process.cpu_seconds().values())
    sent = send(process.port, Load(requests=[_RUN], callers=_CALLERS, times=times))
    return {**sent.numbers(), "cpu_us": (sum(process.cpu_seconds().values()) - before) / len(sent.times) * 1e6}


if __name__ == "__main__":
    main()

"""``kedro-asgi worker``: execute the promised runs of a store, without an API."""

import signal
import sys
from functools import partial
from pathlib import Path
from typing import Any

import click

from kedro_asgi.cli.error_messages import one_line_errors
from kedro_asgi.cli.execution_options import execution_options
from kedro_asgi.cli.greeting import server_url
from kedro_asgi.cli.options import (
    WorkerCount,
    conf_source_option,
    env_option,
    package_option,
    project_argument,
)
from kedro_asgi.cli.prepared_project import prepare_project
from kedro_asgi.cli.process_end import ProcessEnd
from kedro_asgi.cli.run_worker import check_worker, execute_runs
from kedro_asgi.cli.shared_cluster import shared_cluster
from kedro_asgi.cli.worker_endpoint import WorkerAddress, worker_endpoint
from kedro_asgi.cli.worker_supervisor import supervise
from kedro_asgi.dispatch.stores import check_store
from kedro_asgi.errors.wording import one_line
from kedro_asgi.project import Project
from kedro_asgi.redaction import redact
from kedro_asgi.server.configuration import (
    METRICS_HOST_VARIABLE,
    METRICS_PORT_VARIABLE,
    WORKERS_VARIABLE,
    ServerConfiguration,
)
from kedro_asgi.tracing.sdk import check_sdk


@click.command()
@project_argument
@package_option
@click.option(
    "--workers",
    default=1,
    show_default=True,
    type=WorkerCount(),
    envvar=WORKERS_VARIABLE,
    help="Processes; 'auto' is one for each core.",
)
@click.option(
    "--metrics-port",
    type=click.IntRange(1, 65535),
    envvar=METRICS_PORT_VARIABLE,
    help="Port that answers /metrics, /health and /ready, without a token.  [default: none]",
)
@click.option(
    "--metrics-host",
    default="127.0.0.1",
    show_default=True,
    envvar=METRICS_HOST_VARIABLE,
    help="Address of that port.",
)
@execution_options
@env_option
@conf_source_option
def worker(project_path: Path, workers: int, metrics_port: int | None, metrics_host: str, **options: Any) -> None:
    """Execute the runs that servers have promised in a store that both use; serve no API."""
    end = ProcessEnd()
    # The project's code may hang when it is imported.
    signal.signal(signal.SIGTERM, end.now)
    project, log_config = prepare_project(project_path, **options)
    with one_line_errors():
        configuration = ServerConfiguration.read()
        check_store(configuration.store)
        check_worker(configuration)
        if configuration.otel:
            check_sdk()
    address = None if metrics_port is None else WorkerAddress(metrics_host, metrics_port)
    work = partial(execute_runs, log_config=log_config, project_path=project_path)
    with worker_endpoint(address) as note_status:
        if configuration.log_format != "json":
            click.echo(_greeting(project, configuration, workers, address))
        with shared_cluster(configuration, workers):
            code = (
                supervise(partial(work, is_supervised=True), workers, note_status) if workers > 1 else work(note_status)
            )
    sys.exit(code)


def _greeting(project: Project, configuration: ServerConfiguration, workers: int, address: WorkerAddress | None) -> str:
    slots = configuration.policy.max_concurrent_runs
    each = f"{slots} at a time" if workers == 1 else f"{slots} at a time in each of {workers} processes"
    lines = [
        f"Executing runs of {one_line(f'{project.project_name} from {configuration.project_path}')}",
        f"  store      {one_line(redact(configuration.store))}",
        f"  runs       {each}",
    ]
    if address is not None:
        metrics = "/metrics, " if configuration.metrics else ""
        lines.append(f"  probes     {server_url(address.host, address.port)} ({metrics}/health, /ready)")
    return "\n".join([*lines, ""])

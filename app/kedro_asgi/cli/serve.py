"""``kedro-asgi serve``: run the HTTP server with uvicorn."""

import os
import signal
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import click

from kedro_asgi.cli.access_options import access_line, access_options, check_reach, default_hosts
from kedro_asgi.cli.connection_options import connection_options
from kedro_asgi.cli.error_messages import one_line_errors
from kedro_asgi.cli.execution_options import execution_options
from kedro_asgi.cli.greeting import greeting, server_url
from kedro_asgi.cli.listening_socket import check_port
from kedro_asgi.cli.options import (
    WorkerCount,
    conf_source_option,
    env_option,
    package_option,
    project_argument,
)
from kedro_asgi.cli.prepared_project import prepare_project
from kedro_asgi.cli.process_end import ProcessEnd
from kedro_asgi.cli.reloader import CODE, CONFIGURATION, Watched
from kedro_asgi.cli.server_process import serve_alone
from kedro_asgi.cli.server_supervisor import serve_with_reload, serve_with_workers
from kedro_asgi.cli.setting_variables import Setting, set_variables
from kedro_asgi.cli.shared_cluster import shared_cluster
from kedro_asgi.cli.shared_files import check_temporary_folder, shared_files
from kedro_asgi.dispatch.stores import check_store
from kedro_asgi.log_lines import LogFormat
from kedro_asgi.project import Project
from kedro_asgi.server.access.transport import Transport
from kedro_asgi.server.access.wiring import check_access
from kedro_asgi.server.configuration import (
    METRICS_FOLDER_VARIABLE,
    WORKERS_VARIABLE,
    ConnectionLimits,
    ServerConfiguration,
)
from kedro_asgi.session.reload_signal import RELOAD_SIGNAL_VARIABLE
from kedro_asgi.tracing.sdk import check_sdk

_FACTORY = "kedro_asgi.server:create_http_server"


@click.command()
@project_argument
@package_option
@click.option("-H", "--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("-p", "--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="Port.")
@click.option(
    "--workers",
    default=1,
    show_default=True,
    type=WorkerCount(),
    envvar=WORKERS_VARIABLE,
    help="Server processes; 'auto' is one for each core.",
)
@click.option("--reload", is_flag=True, help="Restart when code or configuration changes (for development).")
@execution_options
@click.option(
    "--no-dashboard",
    "dashboard",
    flag_value="false",
    default=None,
    help="Serve the API only, without the pages at /dashboard.",
)
@click.option("--no-docs", "docs", flag_value="false", default=None, help="Do not show the API at /docs.")
@click.option("--no-metrics", "metrics", flag_value="false", default=None, help="Count nothing; no /metrics.")
@click.option("--viz", flag_value="true", default=None, help="Answer the front end of kedro-viz, which shows code.")
@click.option("--mcp", flag_value="true", default=None, help="Let agents call the pipelines as tools, at /mcp.")
@click.option(
    "--no-open-inference",
    "open_inference",
    flag_value="false",
    default=None,
    help="Do not answer the Open Inference Protocol at /v2.",
)
@click.option("--no-access-log", is_flag=True, help="Log no line for each request.")
@click.option(
    "--failure-status",
    type=click.Choice(["200", "500"]),
    help="HTTP status of a /run that failed; the default is 200, as Kedro's server answers.",
)
@access_options
@env_option
@conf_source_option
def serve(project_path: Path, workers: int, reload: bool, **options: Any) -> None:
    """Serve the project at PATH over HTTP; the default is the project around the working directory."""
    if reload and workers > 1:
        raise click.UsageError("--reload supports one process only, so it cannot be combined with --workers.")
    serve_project(project_path, workers=workers, reload=reload, **options)


def serve_project(
    project_path: Path,
    *,
    host: str,
    port: int,
    workers: int = 1,
    reload: bool = False,
    log_level: str | None = None,
    log_format: LogFormat | None = None,
    no_access_log: bool = False,
    with_greeting: bool = True,
    conf_source: str | None = None,
    package_name: str | None = None,
    **settings: Setting,
) -> None:
    """Serve in the foreground until interrupted; an error of the project or the port ends the command with one line.

    Each worker process reads the other ``settings`` from variables ``KEDRO_SERVER_…`` of their names.
    """
    # The project's code may hang when it is imported, and uvicorn raises its signals again when it has ended.
    end = ProcessEnd()
    signal.signal(signal.SIGTERM, end.now)
    check_port(host, port)
    project, log_config = prepare_project(
        project_path,
        log_level=log_level,
        log_format=log_format,
        package_name=package_name,
        conf_source=conf_source,
        **settings,
    )
    os.environ.setdefault("KEDRO_SERVER_DRAIN_ON_SIGNALS", "true")
    with one_line_errors():
        configuration, limits, transport = ServerConfiguration.read(), ConnectionLimits.read(), Transport.read()
        _check(configuration, project)
    check_reach(configuration.access, host)
    if workers > 1 or not configuration.executor_choice.kinds.isdisjoint(("process", "dask")):
        check_temporary_folder()
    set_variables(allowed_hosts=default_hosts(configuration.access, host))
    if log_format != "json" and with_greeting:
        url = server_url(host, port, scheme=transport.scheme)
        click.echo(greeting(project, configuration, url=url, access=access_line(configuration.access, host)))
    options = {"host": host, "port": port, "log_config": log_config, "access_log": not no_access_log}
    options |= {"factory": True, **connection_options(limits), **transport.uvicorn_options()}
    with _shared_files(workers, reload=reload), shared_cluster(configuration, workers):
        if workers > 1:
            serve_with_workers(_FACTORY, workers=workers, **options)
        elif reload:
            serve_with_reload(_FACTORY, _watched(project, project_path, conf_source), **options)
        else:
            serve_alone(_FACTORY, **options)


def _check(configuration: ServerConfiguration, project: Project) -> None:
    """Check all that a server would find wrong when it starts, before any worker process does."""
    check_store(configuration.store)
    if configuration.otel:
        check_sdk()
    _check_webhooks(configuration)
    _check_mcp(configuration)
    _check_schedules(project)
    check_access(configuration.access)


def _check_webhooks(configuration: ServerConfiguration) -> None:
    """Check that the addresses and secrets of webhooks can be read."""
    if configuration.notify:
        # Few servers tell webhooks of anything.
        from kedro_asgi.server.webhooks import read_notify

        read_notify(configuration)


def _check_mcp(configuration: ServerConfiguration) -> None:
    """Check that agents can be answered."""
    if configuration.mcp:
        # Few servers answer agents.
        from kedro_asgi.server.mcp_route import check_mcp

        check_mcp()


def _check_schedules(project: Project) -> None:
    """Check the schedules of the project."""
    if project.options.schedules:
        # Few projects have schedules.
        from kedro_asgi.server.served_schedules import read_schedules

        read_schedules(project)


def _watched(project: Project, project_path: Path, conf_source: str | None) -> Watched:
    """Return what a restart depends on: code, configuration and ``pyproject.toml``, but no data."""
    conf = Path(conf_source) if conf_source else project_path / project.settings.conf_source
    folders = {project_path, project.source_dir or project_path}
    return [*((folder, CODE) for folder in folders), (conf, CONFIGURATION), (project_path / "pyproject.toml", ())]


def _shared_files(workers: int, *, reload: bool) -> AbstractContextManager[None]:
    """Give processes that serve side by side, or one after another, a folder for what they tell each other.

    Several workers get a file that tells them of replaced artifacts, and all a folder for what they count, unless the
    environment names others.
    """
    if workers > 1:
        return shared_files({RELOAD_SIGNAL_VARIABLE: "preload", METRICS_FOLDER_VARIABLE: "metrics"})
    return shared_files({METRICS_FOLDER_VARIABLE: "metrics"}) if reload else nullcontext()

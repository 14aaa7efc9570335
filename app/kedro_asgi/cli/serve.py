"""``kedro-asgi serve``: the HTTP server under uvicorn."""

import logging
import os
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import click
import uvicorn

from kedro_asgi.cli.failure import one_line_errors
from kedro_asgi.cli.logs import server_log_config
from kedro_asgi.cli.options import Names, conf_source_option, env_option, project_argument
from kedro_asgi.cli.workers import serve_with_workers
from kedro_asgi.project import load_project
from kedro_asgi.server.configuration import ServerConfiguration
from kedro_asgi.session.reload_signal import RELOAD_SIGNAL_VARIABLE

_FACTORY = "kedro_asgi.server:create_http_server"


@click.command()
@project_argument
@click.option("-H", "--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("-p", "--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="Port.")
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1), help="Server processes.")
@click.option("--reload", is_flag=True, help="Start again when Python code changes (development).")
@click.option("--preload", type=Names(), help="Datasets to load once and share by all runs: model,*_encoder")
@click.option("--store", help="Where runs are remembered: a path, a URL or 'memory:'; in the project unless given.")
@env_option
@conf_source_option
def serve(
    project_path: Path,
    host: str,
    port: int,
    workers: int,
    reload: bool,
    preload: list[str] | None,
    store: str | None,
    env: str | None,
    conf_source: str | None,
) -> None:
    """Serve the project at PATH over HTTP; the working directory's project unless given."""
    if reload and workers > 1:
        raise click.UsageError("--reload watches one process: it does not go with --workers.")
    if store is not None:
        os.environ["KEDRO_SERVER_STORE"] = store
    serve_project(
        project_path,
        host=host,
        port=port,
        workers=workers,
        reload=reload,
        preload=preload,
        env=env,
        conf_source=conf_source,
    )


def serve_project(
    project_path: Path,
    *,
    host: str,
    port: int,
    workers: int = 1,
    reload: bool = False,
    preload: list[str] | None = None,
    env: str | None = None,
    conf_source: str | None = None,
) -> None:
    """Serve in the foreground until interrupted; what is wrong with project or port is said in one line first."""
    with one_line_errors():
        log_config = server_log_config(load_project(project_path), project_path)
    _check_port(host, port)
    _tell_workers(
        KEDRO_PROJECT_PATH=str(project_path),
        KEDRO_SERVER_ENV=env,
        KEDRO_SERVER_CONF_SOURCE=conf_source,
        KEDRO_SERVER_PRELOAD=None if preload is None else ",".join(preload),
    )
    os.environ.setdefault("KEDRO_SERVER_DRAIN_ON_SIGNALS", "true")
    with one_line_errors():
        ServerConfiguration.read(project_path=None, env=None, conf_source=None)
    signal.signal(signal.SIGTERM, _leave)
    with _common_stamp(workers):
        options: dict[str, Any] = {"factory": True, "host": host, "port": port, "log_config": log_config}
        if workers > 1:
            serve_with_workers(_FACTORY, workers=workers, **options)
        else:
            uvicorn.run(_FACTORY, reload=reload, reload_dirs=[str(project_path)] if reload else None, **options)


@contextmanager
def _common_stamp(workers: int) -> Iterator[None]:
    """Let several workers hear of each other's artifacts, unless whoever started us has seen to it."""
    if workers == 1 or RELOAD_SIGNAL_VARIABLE in os.environ:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="kedro-asgi-") as folder:
        _tell_workers(**{RELOAD_SIGNAL_VARIABLE: str(Path(folder) / "preload")})
        yield


def _leave(number: int, frame: object) -> None:
    """End with code 0: uvicorn raises the signal again when it has shut down, and everything is on disk.

    A thread of a node that did not end in time would keep the interpreter from ending.
    """
    logging.shutdown()
    with suppress(AttributeError, OSError, ValueError):
        # A node may have closed it, or put something else in its place.
        sys.stdout.flush()
    is_left_behind = any(not thread.daemon for thread in threading.enumerate() if thread != threading.main_thread())
    os._exit(0) if is_left_behind else sys.exit(0)


def _check_port(host: str, port: int) -> None:
    """Find out now whether the address can be had, as uvicorn would bind it."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise click.ClickException(f"Cannot listen on {host}:{port}: {error.strerror}") from error


def _tell_workers(**variables: str | None) -> None:
    """Hand on what the factory reads; what is not given stays as the environment has it, in a container for example."""
    os.environ.update({name: value for name, value in variables.items() if value is not None})

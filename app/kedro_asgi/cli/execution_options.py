"""The options that say how a process executes runs and what it logs: those that ``serve`` and ``worker`` share."""

from collections.abc import Callable
from typing import Any, get_args

import click

from kedro_asgi.cli.options import Names, Size
from kedro_asgi.executor_kind import ExecutorKind
from kedro_asgi.server.configuration import LOG_FORMAT_VARIABLE, LOG_LEVEL_VARIABLE

_OPTIONS = (
    click.option("--preload", type=Names(), help="Datasets to load once and share between runs: model,*_encoder"),
    click.option(
        "--executor",
        type=click.Choice(get_args(ExecutorKind)),
        help="Where runs are executed: in threads of the server, each in a process of its own, or on a Dask cluster.  "
        "[default: thread]",
    ),
    click.option(
        "--dask-scheduler",
        help="Dask scheduler for runs on a cluster, such as tcp://10.0.0.1:8786; without one, the server starts a "
        "cluster on this machine.",
    ),
    click.option(
        "--max-concurrent-runs",
        type=click.IntRange(0),
        help="Runs at a time of each process. 0 is for servers that leave all runs to 'kedro-asgi worker'.  "
        "[default: CPUs + 4, at most 32]",
    ),
    click.option(
        "--max-fleet-runs",
        type=click.IntRange(1),
        help="Runs at a time of all servers and workers that share the store.",
    ),
    click.option(
        "--fair-shares",
        flag_value="true",
        default=None,
        help="Give each free slot of all servers and workers to the caller with the fewest runs.",
    ),
    click.option(
        "--max-run-memory",
        "max_run_memory_bytes",
        type=Size(),
        help="Memory that a run in a process may hold, such as 2GiB; one that holds more is killed.",
    ),
    click.option("--store", help="Store of runs: a path, a URL or 'memory:'; the default is a file in the project."),
    click.option(
        "--log-level",
        type=click.Choice(["debug", "info", "warning", "error", "critical"], case_sensitive=False),
        envvar=LOG_LEVEL_VARIABLE,
        help="Lowest level of log lines; with 'debug', nodes and datasets have lines too.  [default: info]",
    ),
    click.option(
        "--log-format",
        type=click.Choice(["text", "json"]),
        envvar=LOG_FORMAT_VARIABLE,
        help="Form of log lines.  [default: text]",
    ),
    click.option(
        "--otel",
        flag_value="true",
        default=None,
        help="Export traces by OpenTelemetry; the variables OTEL_… say where to.",
    ),
    click.option(
        "--traceback",
        "full_tracebacks",
        flag_value="true",
        default=None,
        help="Show all frames in the tracebacks of failed runs, also kedro-asgi's.",
    ),
)


def execution_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command

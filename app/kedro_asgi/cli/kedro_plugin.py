"""The commands for Kedro's command line, ``kedro asgi serve`` and others (entry point ``kedro.project_commands``)."""

import click

from kedro_asgi.cli.graph import graph
from kedro_asgi.cli.inspect import inspect
from kedro_asgi.cli.run import run
from kedro_asgi.cli.runs import runs
from kedro_asgi.cli.serve import serve

# Kedro adds the commands of this group to its own.
commands = click.Group(
    "kedro-asgi",
    commands=[
        click.Group(
            "asgi",
            commands=[serve, run, runs, inspect, graph],
            help="Serve the project over HTTP, or run it, with kedro-asgi.",
        )
    ],
)

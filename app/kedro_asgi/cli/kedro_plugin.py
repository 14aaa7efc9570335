"""The commands for Kedro's command line, ``kedro asgi serve`` and others (entry point ``kedro.project_commands``)."""

import click

from kedro_asgi.cli.late_group import LateGroup

_asgi = LateGroup("asgi", help="Serve the project over HTTP, or run it, with kedro-asgi.")
_asgi.add_late("serve", "run", "runs", "inspect", "graph")

# Kedro adds the commands of this group to its own.
commands = click.Group("kedro-asgi", commands=[_asgi])

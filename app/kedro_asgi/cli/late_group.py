"""A group of commands, each imported when it is called or described."""

from importlib import import_module
from typing import Any

import click

from kedro_asgi.collector import collector_paused


class LateGroup(click.Group):
    """A group whose commands stand in modules of their names: ``serve`` needs nothing of what ``graph`` imports."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._late: tuple[str, ...] = ()

    def add_late(self, *names: str) -> None:
        """Add the commands of these names, of which nothing is imported yet."""
        self._late = (*self._late, *names)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *self._late})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.commands and cmd_name in self._late:
            self.add_command(_import_command(cmd_name))
        return super().get_command(ctx, cmd_name)


def _import_command(name: str) -> click.Command:
    with collector_paused(keeps=True):
        command: click.Command = getattr(import_module(f"kedro_asgi.cli.{name}"), name)
    return command

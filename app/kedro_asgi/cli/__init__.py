"""The ``kedro-asgi`` command."""

import click

from kedro_asgi import __version__
from kedro_asgi.cli.late_group import LateGroup


@click.group(cls=LateGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Run Kedro-format pipelines, as an HTTP service or once."""


main.add_late("serve", "run", "runs", "schedules", "inspect", "graph", "new", "demo", "mcp", "token", "store", "worker")

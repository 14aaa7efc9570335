"""The ``kedro-asgi`` command."""

import click

from kedro_asgi import __version__
from kedro_asgi.cli.demo import demo
from kedro_asgi.cli.graph import graph
from kedro_asgi.cli.inspect import inspect
from kedro_asgi.cli.new import new
from kedro_asgi.cli.run import run
from kedro_asgi.cli.runs import runs
from kedro_asgi.cli.serve import serve
from kedro_asgi.cli.token import token


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Run Kedro-format pipelines, as an HTTP service or once."""


for _command in (serve, run, runs, inspect, graph, new, demo, token):
    main.add_command(_command)

"""``kedro-asgi new``: write the starter project."""

from pathlib import Path
from shlex import quote

import click

from kedro_asgi.cli.error_messages import one_line_errors
from kedro_asgi.starter import write_starter


@click.command()
@click.argument("name")
@click.option("--into", type=click.Path(path_type=Path), help="Folder to write to; the default is NAME.")
def new(name: str, into: Path | None) -> None:
    """Write a new project called NAME, with real data and a model to train and serve."""
    with one_line_errors():
        folder = write_starter(into or Path(name), project_name=name)
    path = quote(str(folder))
    click.echo(f"Wrote {folder}. Train it: kedro-asgi run {path}\nServe it: kedro-asgi serve {path}")

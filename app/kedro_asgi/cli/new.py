"""``kedro-asgi new``: write the starter project."""

from pathlib import Path
from shlex import quote

import click

from kedro_asgi.cli.failure import one_line_errors
from kedro_asgi.starter import write_starter


@click.command()
@click.argument("name")
@click.option("--into", type=click.Path(path_type=Path), help="Folder to write to; a new one named NAME unless given.")
def new(name: str, into: Path | None) -> None:
    """Write a new project called NAME: real data, a model to train and to query."""
    with one_line_errors():
        folder = write_starter(into or Path(name), project_name=name)
    place = quote(str(folder))
    click.echo(f"Wrote {folder}. Train it: kedro-asgi run {place}\nServe it: kedro-asgi serve {place}")

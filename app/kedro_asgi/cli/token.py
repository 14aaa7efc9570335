"""``kedro-asgi token``: make a token for a caller of the server."""

from pathlib import Path
from typing import Any

import click

from kedro_asgi.cli.error_messages import one_line_errors
from kedro_asgi.cli.options import Names
from kedro_asgi.server.access.token_file import append_line
from kedro_asgi.server.access.tokens import make_token, token_line


@click.command()
@click.argument("name")
@click.option(
    "--scopes",
    type=Names(),
    default="read,run,cancel",
    show_default=True,
    help="What the caller may do: read, run, cancel; admin includes all, and /reload.",
)
@click.option("--pipelines", type=Names(), default=(), help="The only pipelines that the caller may use; without, all.")
@click.option(
    "-f",
    "--file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File of tokens to add the line to; without, the line is printed.",
)
def token(name: str, scopes: Any, pipelines: list[str], file: Path | None) -> None:
    """Make a token for the caller NAME.

    The token goes to the caller and is shown only now. The server gets a line with its hash: in a file, by
    'serve --token-file', or in the variable KEDRO_SERVER_TOKENS.
    """
    made = make_token()
    with one_line_errors():
        line = token_line(name, made, scopes, pipelines)
        if file is not None:
            append_line(file, line)
    click.echo("Token, for the caller (it is not stored, so copy it now):", err=True)
    click.echo(made)
    if file is None:
        click.echo("Line, for the server:", err=True)
        click.echo(line)
    else:
        click.echo(f"Its hash is in '{file}'.", err=True)

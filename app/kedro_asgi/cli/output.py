"""The form of the output of commands, and where it goes."""

from pathlib import Path

import click

from kedro_asgi.atomic_file import write_atomically

format_option = click.option(
    "--format",
    "output_format",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="Form of the output.",
)


def write_output(text: str, output: Path | None) -> None:
    """Write ``text`` to a file, which is replaced as a whole, or to standard output."""
    if output is None:
        click.echo(text)
        return
    try:
        write_atomically(output, text.encode())
    except OSError as error:
        raise click.ClickException(f"'{output}' cannot be written: {error.strerror}.") from error

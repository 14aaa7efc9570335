"""Print an error as one line with its message and place."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from kedro_asgi.failures import failure_sentence, is_of_node
from kedro_asgi.tracebacks import folded_traceback


@contextmanager
def one_line_errors(
    *, with_traceback: bool = False, advice: Callable[[BaseException], str] = lambda error: ""
) -> Iterator[None]:
    """End the command with one line and exit code 1 at any exception; ``with_traceback`` lets the exception through.

    The failure of a node shows the frames of the user's code before that line. ``advice`` returns what follows it.
    """
    try:
        yield
    except (click.ClickException, click.exceptions.Exit, click.Abort):
        raise
    except Exception as error:
        if with_traceback:
            _echo_advice(advice(error))
            raise
        if is_of_node(error):
            click.echo(folded_traceback(error), err=True)
        raise click.ClickException(failure_sentence(error) + advice(error)) from error


@contextmanager
def interruptible(*, advice: Callable[[BaseException], str] = lambda error: "") -> Iterator[None]:
    """End the command with exit code 130 at Ctrl+C, as a shell expects; ``advice`` returns what follows the message."""
    try:
        yield
    except KeyboardInterrupt as error:
        click.echo("Interrupted.", err=True)
        _echo_advice(advice(error))
        raise click.exceptions.Exit(130) from error


def _echo_advice(advice: str) -> None:
    if advice:
        click.echo(advice.lstrip("\n"), err=True)

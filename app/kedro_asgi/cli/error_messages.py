"""Print an error as one line with its message and place."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from kedro_asgi.errors.wording import one_line
from kedro_asgi.failures import describe_failure, folded_traceback, is_of_node, place_text
from kedro_asgi.runs import ErrorCause, ErrorDetail


@contextmanager
def one_line_errors(*, with_traceback: bool = False) -> Iterator[None]:
    """End the command with one line and exit code 1 at any exception; ``with_traceback`` lets the exception through.

    The failure of a node shows the frames of the user's code before that line.
    """
    try:
        yield
    except (click.ClickException, click.exceptions.Exit, click.Abort):
        raise
    except Exception as error:
        if with_traceback:
            raise
        if is_of_node(error):
            click.echo(folded_traceback(error), err=True)
        raise click.ClickException(_sentence(error)) from error


def _sentence(error: Exception) -> str:
    detail = describe_failure(error)
    # The message of a SyntaxError says its place.
    place = "" if isinstance(error, SyntaxError) else place_text(detail)
    return f"{_named(detail)}{one_line(place)}{_cause(error, detail)}"


def _named(error: ErrorCause) -> str:
    return f"{error.type}: {one_line(' '.join(error.message.split()))}"


def _cause(error: Exception, detail: ErrorDetail) -> str:
    """Return the first cause of a failed import, since that is often the error that the user has to fix.

    Of any other error, return the first cause in the user's code.
    """
    for cause in reversed(detail.causes):
        is_told = isinstance(error, ImportError) or cause.file is not None
        if is_told and cause.message not in detail.message:
            return f" Cause: {_named(cause)}{'' if isinstance(error, ImportError) else one_line(place_text(cause))}"
    return ""

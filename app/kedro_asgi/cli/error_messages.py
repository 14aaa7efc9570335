"""Print an error as one line with its message and place."""

import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from kedro_asgi.dispatch import run_error


@contextmanager
def one_line_errors(*, with_traceback: bool = False) -> Iterator[None]:
    """End the command with one line and exit code 1 at any exception; ``with_traceback`` lets the exception through."""
    try:
        yield
    except (click.ClickException, click.exceptions.Exit, click.Abort):
        raise
    except Exception as error:
        if with_traceback:
            raise
        raise click.ClickException(f"{_one_line(error)}{_cause(error)}{_location(error)}") from error


def _one_line(error: BaseException) -> str:
    detail = run_error(error)
    return f"{detail.type}: {' '.join(detail.message.split())}"


def _cause(error: BaseException) -> str:
    """Return the first cause of a failed import, since that is often the error that the user has to fix."""
    root = error
    while root.__cause__ is not None:
        root = root.__cause__
    if not isinstance(error, ImportError) or root is error or run_error(root).message in str(error):
        return ""
    return f" Cause: {_one_line(root)}"


def _location(error: BaseException) -> str:
    """Return the last line of the user's own code in the traceback, which excludes our code and libraries."""
    if isinstance(error, SyntaxError):
        return ""
    libraries = (str(Path(__file__).parent.parent), sysconfig.get_path("stdlib"), "<frozen")
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith(libraries) and "site-packages" not in frame.filename
    ]
    return f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""

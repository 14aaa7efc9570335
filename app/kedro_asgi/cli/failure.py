"""Errors end a command with one line that says what and where."""

import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from kedro_asgi.dispatch import run_error


@contextmanager
def one_line_errors(*, with_traceback: bool = False) -> Iterator[None]:
    """Turn whatever a project raises into an error message and exit code 1; ``with_traceback`` shows all of it."""
    try:
        yield
    except (click.ClickException, click.exceptions.Exit, click.Abort):
        raise
    except Exception as error:
        if with_traceback:
            raise
        described = run_error(error)
        message = " ".join(described.message.split())
        raise click.ClickException(f"{described.type}: {message}{_cause(error)}{_place(error)}") from error


def _cause(error: BaseException) -> str:
    """What kept a module from being imported is often what the user has to mend."""
    root = error
    while root.__cause__ is not None:
        root = root.__cause__
    described = run_error(root)
    if not isinstance(error, ImportError) or root is error or described.message in str(error):
        return ""
    return f" Cause: {described.type}: {' '.join(described.message.split())}"


def _place(error: BaseException) -> str:
    """Where the error left the user's code: its last frame that is neither ours nor a library's."""
    if isinstance(error, SyntaxError):
        return ""
    libraries = (str(Path(__file__).parent.parent), sysconfig.get_path("stdlib"), "<frozen")
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith(libraries) and "site-packages" not in frame.filename
    ]
    return f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""

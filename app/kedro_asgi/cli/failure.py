"""Errors end a command with one line that says what and where."""

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
        raise click.ClickException(f"{described.type}: {message}{_place(error)}") from error


def _place(error: BaseException) -> str:
    """Where the error left the user's code: its last frame, or the line that Python cannot read."""
    if isinstance(error, SyntaxError):
        return ""
    frames = traceback.extract_tb(error.__traceback__)
    ours = str(Path(__file__).parent.parent)
    users = [frame for frame in frames if not frame.filename.startswith((ours, "<frozen"))]
    last = users[-1] if users else None
    if last is None or "site-packages" in last.filename:
        return ""
    return f" ({last.filename}, line {last.lineno})"

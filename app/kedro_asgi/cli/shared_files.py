"""Temporary files by which the processes of a command tell each other something."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager

import click

from kedro_asgi.temporary_folder import TemporaryFolder


def check_temporary_folder() -> None:
    """Check that files can be written by which processes tell each other something."""
    try:
        tempfile.gettempdir()
    except OSError as error:
        reason = "No folder for temporary files can be written: mount a tmpfs at /tmp, or name a folder in TMPDIR."
        raise click.ClickException(reason) from error


@contextmanager
def shared_files(names: Mapping[str, str]) -> Iterator[None]:
    """Set each variable to the file of its name in a folder that ends with this block, unless it names another file."""
    with closing(TemporaryFolder()) as folder:
        for variable, name in names.items():
            os.environ.setdefault(variable, str(folder.path / name))
        yield

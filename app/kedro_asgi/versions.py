"""The version of Kedro that kedro-asgi reports."""

from functools import cache
from importlib.metadata import PackageNotFoundError, version


@cache
def kedro_version() -> str:
    """Return the version of the installed Kedro, else 1.7.0, whose behaviour kedro-asgi implements.

    Cached, because every run passes it to hooks, and installed packages do not change during a process.
    """
    try:
        return version("kedro")
    except PackageNotFoundError:
        return "1.7.0"

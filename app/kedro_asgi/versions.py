"""The version of Kedro that kedro-asgi reports."""

from functools import cache


@cache
def kedro_version() -> str:
    """Return the version of the installed Kedro, else 1.7.0, whose behaviour kedro-asgi implements.

    Cached, because every run passes it to hooks, and installed packages do not change during a process.
    """
    # Takes 6 ms to import, with what it imports itself.
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("kedro")
    except PackageNotFoundError:
        return "1.7.0"

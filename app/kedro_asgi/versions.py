"""Which Kedro this engine is, to those who ask."""

from functools import cache
from importlib.metadata import PackageNotFoundError, version


@cache
def kedro_version() -> str:
    """Return the installed Kedro's version, or 1.7.0: the one whose behaviour this engine implements.

    Looked up once: hooks are told it in every run, and installed packages do not change under a process.
    """
    try:
        return version("kedro")
    except PackageNotFoundError:
        return "1.7.0"

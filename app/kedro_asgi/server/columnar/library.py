"""Whether tables can be read and written at all."""

from importlib.util import find_spec

from starlette.exceptions import HTTPException

MISSING = "Tables of Arrow, Parquet and CSV need an extra on the server: pip install 'kedro-asgi[arrow]'."


def require_library(status: int) -> None:
    """Raise `HTTPException` with that status unless ``pyarrow`` is installed; reads files."""
    try:
        is_installed = find_spec("pyarrow") is not None
    except ValueError:
        # A module that is no package of files has no spec.
        is_installed = True
    if not is_installed:
        raise HTTPException(status, MISSING)

"""Tells from the source of a package whether it may import Kedro."""

import re
from importlib.util import find_spec
from pathlib import Path

# Matches comments and strings too. A false match makes a thread wait; a miss would mix up two projects.
_KEDRO = re.compile(rb"kedro(?![_-]asgi)")


def may_import_kedro(package_name: str) -> bool:
    """Tell whether any module of the package names Kedro or one of its plugins."""
    try:
        spec = find_spec(package_name)
    except ValueError:
        # A module that its maker put into ``sys.modules`` has no spec.
        spec = None
    folders = list(spec.submodule_search_locations or ()) if spec is not None else []
    files = [file for folder in folders for file in Path(folder).rglob("*.py")]
    return not files or any(_KEDRO.search(file.read_bytes()) for file in files)

"""Which modules Python could import, and which it has imported."""

import sys
from importlib import invalidate_caches
from importlib.util import find_spec


def is_importable(module: str) -> bool:
    """Tell whether Python finds a module, by the name of its file; imports only the packages around it."""
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def forget_modules(package_name: str) -> None:
    """Let Python read the files of a package again when code imports it."""
    for name in [name for name in sys.modules if name == package_name or name.startswith(f"{package_name}.")]:
        del sys.modules[name]
    invalidate_caches()

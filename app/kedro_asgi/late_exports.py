"""Names that a package exports from modules which are imported when a name is first read (PEP 562)."""

import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any


def late_exports(package: str, modules: Mapping[str, Iterable[str]]) -> Callable[[str], Any]:
    """Return the ``__getattr__`` of a package; ``modules`` maps each of its modules to the names that it defines.

    The package gets an ``__all__``, since ``from package import *`` looks for no other names.
    """
    places = {name: f"{package}.{module}" for module, names in modules.items() for name in names}
    vars(sys.modules[package])["__all__"] = list(places)

    def find(name: str) -> Any:
        if name not in places:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(places[name]), name)
        setattr(sys.modules[package], name, value)
        return value

    return find

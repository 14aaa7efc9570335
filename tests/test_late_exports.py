"""Packages whose modules are imported when a name is first read."""

from importlib import import_module

import pytest


@pytest.mark.parametrize(
    ("package", "names"),
    [("kedro_asgi.runner", {"SequentialRunner", "Task"}), ("kedro_asgi.session", {"KedroSession"})],
)
def test_a_star_imports_every_name(package: str, names: set[str]) -> None:
    found: dict[str, object] = {}
    exec(f"from {package} import *", found)
    assert names <= found.keys()


def test_an_unknown_name_is_an_error() -> None:
    with pytest.raises(AttributeError, match=r"module 'kedro_asgi.runner' has no attribute 'Unknown'"):
        _ = import_module("kedro_asgi.runner").Unknown

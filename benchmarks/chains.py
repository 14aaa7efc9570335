"""Chains of nodes that each add one: as a project of either engine, for Hamilton, and as plain calls."""

import sys
from collections.abc import Callable
from itertools import pairwise
from types import ModuleType

LAST = "last"
_REGISTRY = """
from {engine}.pipeline import Pipeline, node


def step(x):
    return x + 1


def register_pipelines():
    names = ["params:a", *(f"d{{n}}" for n in range({length} - 1)), "last"]
    nodes = [node(step, one, two, name=two) for one, two in zip(names, names[1:])]
    return {{"__default__": Pipeline(nodes)}}
"""


def registry(engine: str, length: int) -> dict[str, str]:
    """Return the registry of a project whose default pipeline is a chain of so many nodes."""
    return {"src/{package}/pipeline_registry.py": _REGISTRY.format(engine=engine, length=length)}


def hamilton_module(length: int, *, is_async: bool) -> ModuleType:
    """Return a module that Hamilton makes the same chain of."""
    names = ["a", *(f"d{n}" for n in range(length - 1)), LAST]
    define = "async def" if is_async else "def"
    functions = (f"{define} {two}({one}: int) -> int:\n    return {one} + 1\n" for one, two in pairwise(names))
    module = ModuleType(f"chain_{length}_{define[0]}")
    # Hamilton takes the functions whose module, by name, is this one.
    sys.modules[module.__name__] = module
    exec("\n".join(functions), module.__dict__)
    return module


def plain(length: int) -> Callable[[], int]:
    """Return the same calls in a loop."""

    def step(x: int) -> int:
        return x + 1

    def run() -> int:
        value = 1
        for _ in range(length):
            value = step(value)
        return value

    return run

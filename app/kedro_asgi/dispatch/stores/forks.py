"""What a process that was forked off a worker must not hold."""

import os
import sys
import weakref
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def in_forked_processes(owner: T, let_go: Callable[[T], None]) -> None:
    """Have ``let_go`` called with ``owner`` in every process that is forked off this one, while ``owner`` lives.

    Nodes fork, as process pools do, and what they forked may outlive a worker that is killed: with a copy of its lock,
    the worker would seem to live.
    """
    if sys.platform != "win32":
        found = weakref.ref(owner)
        os.register_at_fork(after_in_child=lambda: _call(found, let_go))


def _call(found: "weakref.ref[T]", let_go: Callable[[T], None]) -> None:
    owner = found()
    if owner is not None:
        let_go(owner)

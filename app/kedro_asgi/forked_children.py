"""Calls in processes that are forked off this one."""

import os
import sys
import weakref
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def call_in_forked_children(owner: T, callback: Callable[[T], None]) -> None:
    """Call ``callback(owner)`` in every process that is forked off this one while ``owner`` exists.

    Nodes and process pools fork, and a child may outlive a worker that is killed. A child that kept a copy of the
    worker's lock would make the worker seem alive.
    """
    if sys.platform != "win32":
        reference = weakref.ref(owner)
        os.register_at_fork(after_in_child=lambda: _call(reference, callback))


def _call(reference: "weakref.ref[T]", callback: Callable[[T], None]) -> None:
    owner = reference()
    if owner is not None:
        callback(owner)

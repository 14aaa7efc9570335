"""Pickle for workers of a cluster, which need not be able to import what scripts and notebooks define."""

import pickle
from importlib import import_module
from typing import Any

# It has no types.
cloudpickle: Any = import_module("cloudpickle")


def dumps(value: Any) -> bytes:
    """Return ``value`` as bytes; functions and classes without an importable name go by value.

    Raises what values raise that cannot be pickled.
    """
    try:
        data = pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
    except Exception:  # values may raise anything when they are pickled
        data = b""
    if data and b"__main__" not in data:
        return data
    by_value: bytes = cloudpickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
    return by_value


def check_picklable(value: Any) -> None:
    """Raise what pickling ``value`` raises, without a copy of its arrays and frames."""
    try:
        pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL, buffer_callback=_drop)
    except Exception:  # values may raise anything when they are pickled
        cloudpickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL, buffer_callback=_drop)


def _drop(buffer: pickle.PickleBuffer) -> None:
    """Take a buffer that is not needed."""

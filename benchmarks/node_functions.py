"""Functions of nodes, where workers can import them."""

import time


def wait(seconds: float) -> float:
    """Wait, and return how long."""
    time.sleep(seconds)
    return seconds


def same(x: object) -> object:
    """Return what is given."""
    return x

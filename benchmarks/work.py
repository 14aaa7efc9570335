"""The work of runs while their server answers something else: each function takes about 20 milliseconds alone."""

import os
import time
from pathlib import Path

FILE_VARIABLE = "BENCH_FILE"


def sleep(_: int) -> int:
    """Wait, as for another service."""
    time.sleep(0.02)
    return 1


def read(_: int) -> int:
    """Read a file of a mebibyte in small pieces."""
    total = 0
    with Path(os.environ[FILE_VARIABLE]).open("rb", buffering=0) as file:
        while piece := file.read(64):
            total += len(piece)
    return total


def compute(_: int) -> int:
    """Compute in Python, which holds the GIL."""
    total = 0
    for number in range(500_000):
        total += number & 3
    return total

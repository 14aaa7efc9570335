"""Functions, data and datasets of nodes on a Dask cluster, where its workers can import them."""

import os
import signal
import time
from pathlib import Path

import anyio

from kedro_asgi.io import AbstractDataset


def note(path):
    """Add the process to a file, and return how many calls it has noted."""
    with open(path, "a") as file:
        file.write(f"{os.getpid()}\n")
    return len(noted(path))


def noted(path):
    return Path(path).read_text().split()


def die(path):
    note(path)
    os.kill(os.getpid(), signal.SIGKILL)


def die_once(path):
    if note(path) == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return "alive"


class Travelling:
    """Notes in a file each process that unpickles it."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return travelled, (self.path,)

    def __deepcopy__(self, memo):
        return self


def travelled(path):
    note(path)
    return Travelling(path)


def travelling(path):
    return Travelling(path)


def path_of(data):
    return data.path


class PidDataset(AbstractDataset):
    """Notes which process saves and loads."""

    def __init__(self, path):
        self.path = path

    def load(self):
        return [*noted(self.path), os.getpid()]

    def save(self, data):
        note(self.path)

    def _describe(self):
        return {}


def touch_and_wait(path, told):
    Path(path).touch()
    while not Path(told).exists():
        time.sleep(0.005)
    return path


async def wait_for_ever(path):
    Path(path).touch()
    try:
        await anyio.sleep_forever()
    finally:
        Path(f"{path}.cancelled").touch()


def chunks_for_ever(path):
    try:
        while True:
            note(path)
            yield 1
            time.sleep(0.01)
    finally:
        Path(f"{path}.closed").touch()

"""Functions of nodes, where other processes can import them."""

import asyncio
import logging
import multiprocessing
import os
import signal
import threading
import time
import warnings
from pathlib import Path

import anyio
import anyio.lowlevel

from kedro_asgi.errors import ProducedInputError

log = logging.getLogger("functions")


def same(x):
    return x


def add(x, y):
    return x + y


def double(x):
    return 2 * x


def both(x):
    return x, -x


def named(x):
    return {"plus": x, "minus": -x}


def listing(*xs):
    return list(xs)


def boom(*xs):
    raise ZeroDivisionError(f"no {xs[0]}")


def leave(x):
    raise SystemExit(4)


def interrupt(x):
    raise KeyboardInterrupt


def nothing(x):
    return None


def too_many(x):
    return x, x, x


def lock(x):
    return threading.Lock()


def one_lock(x):
    return x, threading.Lock()


def pid(x):
    return os.getpid()


def die(x):
    os.kill(os.getpid(), signal.SIGKILL)


def exit_at_once(x):
    os._exit(7)


def sleep(seconds):
    time.sleep(seconds)
    return seconds


def sleep_after(path):
    """Sleeps once there is a file."""
    wait_until(Path(path).exists)
    time.sleep(0.3)
    return path


def meet(folder):
    """Waits until three processes are here."""
    Path(folder, str(os.getpid())).touch()
    wait_until(lambda: len(os.listdir(folder)) >= 3)
    return folder


def wait_until(is_so):
    until = time.monotonic() + 30
    while not is_so() and time.monotonic() < until:
        time.sleep(0.01)


def logs(x):
    log.debug("not %s", "wanted")
    log.warning("working on %s", x)
    try:
        boom(x)
    except ZeroDivisionError:
        log.exception("it broke")
    return x


def chunks(x):
    yield from range(x)


def pairs(x):
    for n in range(x):
        yield n, 10 * n


def named_pairs(x):
    for n in range(x):
        yield {"plus": n, "minus": -n}


def breaks(x):
    yield x
    raise ZeroDivisionError(f"no more than {x}")


def wrong_shape(x):
    yield x, x, x


def large(x):
    for _ in range(x):
        yield b"x" * 5_000_000


def unsendable_chunk(x):
    yield x
    yield threading.Lock()


def tidy(folder):
    """Says in a file that it was closed."""
    try:
        yield 1
        yield 2
    finally:
        Path(folder, "closed").touch()


def refuse(x):
    raise ProducedInputError("x", "n")


def warn(x):
    warnings.warn("careful", UserWarning, stacklevel=1)
    return x


async def later(x):
    await anyio.sleep(0.001)
    return x


async def boom_later(x):
    await anyio.sleep(0.001)
    raise ZeroDivisionError(f"later {x}")


async def leave_later(x):
    await anyio.sleep(0.001)
    raise SystemExit(4)


async def chunks_later(x):
    for n in range(x):
        await anyio.sleep(0.001)
        yield n


async def pairs_later(x):
    for n in range(x):
        await anyio.sleep(0.001)
        yield n, 10 * n


async def breaks_later(x):
    yield x
    await anyio.sleep(0.001)
    raise ZeroDivisionError(f"no more than {x}")


async def tidy_later(folder):
    """Says in a file that it was closed."""
    try:
        yield 1
        yield 2
    finally:
        await anyio.lowlevel.checkpoint()
        Path(folder, "closed").touch()


async def loop_of(x):
    return id(asyncio.get_running_loop())


class OddError(Exception):
    """As many are: what it hands on is not what it takes."""

    def __init__(self, code, reason):
        super().__init__(f"{code}: {reason}")


def odd(x):
    raise OddError(7, "seven")


class Once:
    """Can be sent, but not read."""

    def __reduce__(self):
        return (int, ("not a number",))


def unreadable(x):
    return Once()


def locks(x):
    return [threading.Lock()]


def kind_of_process(x):
    return type(multiprocessing.current_process()).__name__

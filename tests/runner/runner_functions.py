"""Functions of nodes, where other processes can import them."""

import asyncio
import locale
import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import anyio
import anyio.lowlevel
import anyio.to_thread

from kedro_asgi.errors import ProducedInputError
from kedro_asgi.io import AbstractVersionedDataset

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
    until = time.monotonic() + 240
    while not is_so():
        assert time.monotonic() < until, "that did not become true in time"
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


class Parts(AbstractVersionedDataset):
    """A folder of texts that are made when they are saved, and read when they are called: neither can be sent."""

    def __init__(self, path, version=None):
        super().__init__(PurePosixPath(path), version)

    def load(self):
        folder = Path(self._get_load_path())
        return {path.name: (lambda path=path: path.read_text()) for path in sorted(folder.iterdir())}

    def save(self, data):
        folder = Path(self._get_save_path())
        folder.mkdir(parents=True, exist_ok=True)
        for name, make in data.items():
            (folder / name).write_text(make())

    def _exists(self):
        return Path(self._get_load_path()).is_dir()

    def _describe(self):
        return {"path": self._filepath}


def parts(x):
    return {f"{n}.txt": (lambda n=n: str(n * x)) for n in range(2)}


def parts_and_pid(x):
    return {"parts": parts(x), "pid": os.getpid()}


def parts_by_chunks(x):
    for n in range(3):
        yield {f"{n}.txt": (lambda n=n: str(n * x))}, n


def parts_in_one_chunk(x):
    yield parts(x)


def bad_parts(x):
    return {"one.txt": lambda: boom(x)}


def whole(parts):
    return {name: read() for name, read in parts.items()}


def process_state(x):
    """Return the state that a function finds in its process, then spoil it for the next one."""
    try:
        warnings.warn("careful", CarelessWarning, stacklevel=1)
        raised = None
    except CarelessWarning as warning:
        raised = str(warning)
    found = {
        "X": os.environ.get("X"),
        "hour": time.localtime(0).tm_hour,
        "folder": os.getcwd(),
        "path": list(sys.path),
        "locale": locale.setlocale(locale.LC_ALL),
        "recursion": sys.getrecursionlimit(),
        "level": logging.getLogger("leveled").level,
        "disabled": logging.root.manager.disable,
        "raised": raised,
    }
    os.environ.update({"X": "spoilt", "Y": "left", "TZ": "Etc/GMT-7"})
    time.tzset()
    os.chdir("/")
    sys.path.append("spoilt")
    sys.setrecursionlimit(4321)
    logging.getLogger("leveled").setLevel(7)
    logging.disable(5)
    warnings.simplefilter("ignore")
    return found


class CarelessWarning(UserWarning):
    pass


def twice_parts(x):
    return parts(x), parts(x)


def refuse_data(data):
    raise ValueError("never good enough")


def fail_until(calls: str, count: int) -> int:
    """Fail ``count`` times, over all processes, and return the number of the call that succeeds."""
    with open(calls, "a") as file:
        file.write("x")
    number = len(Path(calls).read_text())
    if number <= count:
        raise ConnectionError(f"call {number}")
    return number


async def fail_until_async(calls: str, count: int) -> int:
    return await anyio.to_thread.run_sync(fail_until, calls, count)


def flaky_chunks(calls: str, saved: int) -> Iterator[int]:
    """Yield ``saved`` chunks, then fail in the first call, and yield the number of any later one."""
    yield from range(saved)
    yield fail_until(calls, 1)

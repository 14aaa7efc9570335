"""How many files must a stranger open to follow one run?

One warm ``POST /run`` of two nodes in memory, with a parameter and an output, goes through the real application in
this process. A profile function notes each function of ``kedro_asgi`` that the event loop or the run's thread calls; it
leaves out the writer thread of the store. A *room* is a package or a module directly below ``kedro_asgi``. A *move* is
a call from one room into another, or the return from it, in the run's thread.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import kedro_asgi
from kedro_asgi.server import create_http_server
from projects import write_project

_ROOT = Path(kedro_asgi.__file__).parent
_WARM_RUNS, _RECORDED_RUNS = 20, 20
_LOOP_THREAD, _RUN_THREADS = "MainThread", "kedro-asgi-run"


class Walk:
    """The files whose functions a request calls, in order, by the name of the thread; and how often each function."""

    def __init__(self) -> None:
        self.files: dict[str, list[str]] = {}
        self.calls: Counter[tuple[str, str, str]] = Counter()

    def note(self, thread: str, file: str, frame: FrameType, event: str) -> None:
        """Add the file that a call or a return enters, and the function that is called."""
        self.files.setdefault(thread, []).append(file)
        if event == "call":
            self.calls[thread, file, frame.f_code.co_qualname] += 1

    def on_the_way(self) -> Iterator[str]:
        """Yield the files that the event loop and the run's thread pass through, in order, each as often as passed."""
        for thread, files in self.files.items():
            if _is_on_the_way(thread):
                yield from files

    def calls_by_file(self) -> Iterator[str]:
        """Yield a line for each file: how many calls it gets, and which functions get how many of them."""
        by_file: dict[str, Counter[str]] = defaultdict(Counter)
        for (thread, file, function), calls in self.calls.items():
            if _is_on_the_way(thread):
                by_file[file][function] += calls
        for file, functions in by_file.items():
            listed = ", ".join(f"{function} {calls}" for function, calls in functions.most_common())
            yield f"{functions.total():4} {file}: {listed}"

    def rooms_in_thread(self) -> list[str]:
        """Return the rooms that the run's thread passes through, in order, without repetitions in a row."""
        threads = (files for thread, files in self.files.items() if thread.startswith(_RUN_THREADS))
        passed = [_room(file) for files in threads for file in files]
        return [room for room, before in zip(passed, [None, *passed], strict=False) if room != before]


class Profiler:
    """Records a walk, while there is one to record."""

    def __init__(self) -> None:
        self.walk: Walk | None = None

    def profile(self, frame: FrameType, event: str, _: Any) -> None:
        """Note the file that a call or a return enters; every thread has this as its profile function."""
        if self.walk is not None and event in ("call", "return"):
            caller = frame.f_back
            file = frame.f_code.co_filename if event == "call" or caller is None else caller.f_code.co_filename
            if file.startswith(str(_ROOT)):
                self.walk.note(threading.current_thread().name, file.removeprefix(f"{_ROOT}/"), frame, event)


def main() -> None:
    """Measure one run and print the figures as one JSON line; other options show the walk itself."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--show", action="store_true", help="also list the files, and the rooms in order")
    parser.add_argument(
        "--calls", action="store_true", help="also list the calls of functions by file, with their numbers"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        walks = asyncio.run(_walks(write_project(Path(folder), engine="kedro_asgi")))
    # The event loop may have done other work meanwhile: the shortest walk is that of the run alone.
    walk = min(walks, key=lambda walk: (len(set(walk.on_the_way())), len(walk.rooms_in_thread())))
    files, rooms = list(dict.fromkeys(walk.on_the_way())), walk.rooms_in_thread()
    if options.show:
        print(*files, "", " > ".join(rooms), "", sep="\n")
    if options.calls:
        print(*walk.calls_by_file(), "", sep="\n")
    print(json.dumps({"files": len(files), "moves": len(rooms) - 1}))


async def _walks(project: Path) -> list[Walk]:
    profiler = Profiler()
    # The run's thread lives as long as the application: it must be born with the profile function.
    threading.setprofile(profiler.profile)
    app = create_http_server(project, store="memory:")
    async with app.router.lifespan_context(app):
        for _ in range(_WARM_RUNS):
            await _post_run(app)
        sys.setprofile(profiler.profile)
        walks = [await _recorded(app, profiler) for _ in range(_RECORDED_RUNS)]
        sys.setprofile(None)
    threading.setprofile(None)
    return walks


async def _recorded(app: Any, profiler: "Profiler") -> Walk:
    walk = profiler.walk = Walk()
    await _post_run(app)
    profiler.walk = None
    return walk


async def _post_run(app: Any) -> None:
    body = json.dumps({"params": {"a": 10}, "outputs": ["d"]}).encode()
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/run",
        "raw_path": b"/run",
        "query_string": b"",
        "root_path": "",
        "headers": [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())],
        "server": ("bench", 80),
        "client": ("bench", 1),
    }
    answer = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        answer.append(message.get("body", b""))

    await app(scope, receive, send)
    if b'"success"' not in b"".join(answer):
        raise SystemExit(f"The answer is not as wanted: {b''.join(answer).decode()}")


def _is_on_the_way(thread: str) -> bool:
    return thread == _LOOP_THREAD or thread.startswith(_RUN_THREADS)


def _room(file: str) -> str:
    return file.partition("/")[0].removesuffix(".py")


if __name__ == "__main__":
    main()

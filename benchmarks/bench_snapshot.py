"""What does ``/snapshot`` cost, compared with a bare route that sends the same bytes?

The snapshot of the starter project, asked for by 8 callers: whole, and by callers that know its ``ETag``.
"""

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from urllib.request import urlopen

from harness import Case, Measurement, Numbers, Options, add_ratios, read_options, take_turns, write
from load import Load, request, send
from servers import Process, bare, ours

from projects import write_starter

_BARE = "bare route"
_WHOLE = request("GET", "/snapshot")


def main() -> None:
    """Run the benchmark."""
    options = read_options(__doc__)
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        process = stack.enter_context(ours("kedro-asgi", write_starter(folder / "project")).running())
        with urlopen(f"http://127.0.0.1:{process.port}/snapshot") as answer:
            content, etag = answer.read(), answer.headers["ETag"]
        (folder / "snapshot.json").write_bytes(content)
        floor = bare(_BARE, "bare_bytes:create", BENCH_BYTES=str(folder / "snapshot.json"))
        measured = _measure(stack.enter_context(floor.running()), process, etag, options)
    rows = add_ratios(measured, _BARE, "per_second", "cpu_us", label="bare")
    write("snapshot", f"/snapshot of {len(content) / 1024:.0f} KiB", rows)


def _measure(floor: Process, process: Process, etag: str, options: Options) -> Sequence[Measurement]:
    times = options.pick(quick=1500, full=8000)
    known = request("GET", "/snapshot", If_None_Match=etag)
    cases = [
        Case(side=_BARE, measure=partial(_round, floor, _WHOLE, times, b" 200 ")),
        Case(side="kedro-asgi", measure=partial(_round, process, _WHOLE, times, b" 200 ")),
        Case(side="kedro-asgi, ETag known", measure=partial(_round, process, known, times, b" 304 ")),
    ]
    return take_turns(cases, rounds=options.pick(quick=5, full=9))


def _round(process: Process, asked: bytes, times: int, wanted: bytes) -> Numbers:
    before = process.cpu_seconds()
    sent = send(process.port, Load(requests=[asked], callers=8, times=times, wanted=wanted))
    cpu_seconds = sum(process.cpu_seconds().values()) - sum(before.values())
    return {**sent.numbers(), "cpu_us": cpu_seconds / len(sent.times) * 1e6}


if __name__ == "__main__":
    main()

"""The checks that a server leaves nothing behind: processes, files, sockets, and tracebacks in its log."""

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from soak.ledger import Ledger
from soak.processes import marked_processes
from soak.server import WORKERS, SoakedServer, wait_until

_TRACEBACK = "Traceback (most recent call last):"
# The nodes of the project raise the first two. The last is of a process that a worker was about to start when it was
# killed: Python's `multiprocessing` finds its pipe closed.
_EXPECTED = re.compile(r"(ValueError: boom \d+|ConnectionError: not yet \d+|EOFError: Ran out of input)")
_CONTEXT_LINES = 60


def check_leftovers(server: SoakedServer, ledger: Ledger, *, store: str) -> list[str]:
    """Look around when the server has ended by SIGTERM, and return what it has left."""
    return [*_processes(server), *_temporary_files(server, ledger), *_locks(store), *check_log(server.log)]


def _processes(server: SoakedServer) -> Iterator[str]:
    """Processes of runs end when they notice that their worker has ended."""
    with suppress(TimeoutError):
        wait_until(lambda: not list(marked_processes(f"SOAK={server.mark}")), what="no process is left")
    for pid in marked_processes(f"SOAK={server.mark}"):
        with suppress(OSError):
            line = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
            yield f"process {pid} is left: {line}"


def _temporary_files(server: SoakedServer, ledger: Ledger) -> Iterator[str]:
    """A killed process removes nothing: each kill of a server may leave the folder of its supervisor."""
    kinds = [found.kind for found in ledger.disturbances]
    allowed = kinds.count("server killed") + kinds.count("supervisor killed")
    left = sorted(path.name for path in server.temporary.iterdir())
    if len(left) > allowed:
        yield f"{len(left)} temporary files are left, {allowed} supervisors were killed: {left[:10]}"


def _locks(store: str) -> Iterator[str]:
    """A server that starts removes the locks of workers that have gone, so only those of the last one are left."""
    if not store.startswith("postgresql:"):
        path = Path(store)
        names = {path.name, f"{path.name}-wal", f"{path.name}-shm", f"{path.name}-opening.lock", ".gitignore"}
        left = sorted(found.name for found in path.parent.iterdir() if found.name not in names)
        if len(left) > WORKERS:
            yield f"beside the store are left: {left[:10]}"


def check_log(path: Path) -> Iterator[str]:
    """Yield the tracebacks that neither a node of the project nor a kill explains."""
    lines = path.read_text(errors="replace").splitlines()
    for index, line in enumerate(lines):
        if _TRACEBACK in line:
            block = lines[index : index + _CONTEXT_LINES]
            if not any(_EXPECTED.search(found) for found in block):
                yield "the log has a traceback:\n    " + "\n    ".join(lines[max(0, index - 2) : index + 25])

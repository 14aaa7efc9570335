"""A PostgreSQL server of a benchmark's own, with its data on disk as in production, and the CPU time that it takes."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import psycopg
from servers import HERE

sys.path.append(str(HERE.parent / "tests"))

from database_server import DatabaseServer, postgres_binaries


class RunningPostgres(msgspec.Struct, frozen=True, kw_only=True):
    """A server that answers at ``url``; ``pid`` is its first process, ``new_database`` makes one of a name."""

    url: str
    pid: int
    new_database: Callable[[str], str]

    def cpu_seconds(self) -> float:
        """Return the CPU time of all its processes, also of those that have ended, in hundredths for the latter."""
        fields = _stat(self.pid)
        ended = (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")
        return ended + sum(process_cpu_seconds(pid) for pid in (self.pid, *self._children()))

    def _children(self) -> list[int]:
        return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]


@contextmanager
def running_postgres() -> Iterator[RunningPostgres]:
    """Start a server, and end it afterwards; ends the benchmark where PostgreSQL is not installed."""
    binaries = postgres_binaries()
    if binaries is None:
        raise SystemExit("PostgreSQL's server is not installed (Debian: apt-get install postgresql)")
    server = DatabaseServer(binaries)
    try:
        server.start(is_durable=True)
        with psycopg.connect(server.url) as connection:
            pid = int(_stat(connection.info.backend_pid)[1])
        yield RunningPostgres(url=server.url, pid=pid, new_database=server.make_database)
    finally:
        server.close()


def process_cpu_seconds(pid: int) -> float:
    """Return the CPU time of the threads of a process, to the nanosecond; 0 for one that has ended."""
    total = 0.0
    for task in Path(f"/proc/{pid}/task").glob("*"):
        try:
            total += int((task / "schedstat").read_text().split()[0]) / 1e9
        except (OSError, IndexError):
            continue
    return total


def _stat(pid: int) -> list[str]:
    """Return the fields of a process behind its name: its state, its parent and so on."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()

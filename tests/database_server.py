"""A PostgreSQL server of the tests' own, which can be stopped and started again."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import psycopg


class DatabaseServer:
    """A server in a temporary folder; call `start` first, and `close` at the end."""

    def __init__(self, binaries: Path) -> None:
        self._binaries = binaries
        # Not below pytest's folders: those are closed to the server's own user.
        self._folder = Path(tempfile.mkdtemp(prefix="kedro-asgi-"))
        self._as_user = _as_postgres(self._folder)
        self.url = f"postgresql://tests@/postgres?host={self._folder}"
        data = f"{self._folder}/data"
        _run([*self._as_user, f"{binaries}/initdb", "-D", data, "-U", "tests", "--auth=trust", "-N"])

    def start(self, *, is_durable: bool = False) -> "DatabaseServer":
        """Start the server, and wait until it answers; without ``is_durable``, it is fast and forgets after a crash."""
        options = f"-c listen_addresses='' -c unix_socket_directories={self._folder}"
        if not is_durable:
            options += " -c fsync=off"
        self._control("-l", f"{self._folder}/log", "-o", options, "start")
        return self

    def stop(self) -> None:
        """Stop the server, which ends all connections."""
        self._control("-m", "fast", "stop")

    def make_database(self, name: str) -> str:
        """Make a database and return its URL."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self.url.replace("/postgres?", f"/{name}?")

    def close(self) -> None:
        """Stop the server and remove its folder."""
        self._control("-m", "immediate", "stop")
        shutil.rmtree(self._folder)

    def _control(self, *arguments: str) -> None:
        _run([*self._as_user, f"{self._binaries}/pg_ctl", "-D", f"{self._folder}/data", "-w", *arguments])


def postgres_binaries() -> Path | None:
    """Return the folder of PostgreSQL's programs, if the server is installed."""
    places = [Path(found).parent for name in ["initdb"] if (found := shutil.which(name))]
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((place for place in places if (place / "pg_ctl").exists()), None)


def _as_postgres(folder: Path) -> list[str]:
    """PostgreSQL does not run as root: then it runs as the user that its package made."""
    if os.geteuid() != 0:
        return []
    shutil.chown(folder, "postgres")
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]


def _run(command: list[str]) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=240, cwd="/")
    assert done.returncode == 0, done.stdout

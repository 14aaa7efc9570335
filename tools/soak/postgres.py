"""A PostgreSQL server of the soak's own, which can be stopped, killed and started again."""

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from soak.server import wait_until


class PostgresServer:
    """A server in a temporary folder; raises `FileNotFoundError` where PostgreSQL is not installed."""

    def __init__(self) -> None:
        self._binaries = _binaries()
        # The server's own user has to reach the folder, also if root runs the soak.
        self._folder = Path(tempfile.mkdtemp(prefix="soak-postgres-"))
        self._as_user = _as_postgres(self._folder)
        self.url = f"postgresql://soak@/postgres?host={self._folder}"
        initdb = [f"{self._binaries}/initdb", "-D", str(self._data), "-U", "soak", "--auth=trust", "-N"]
        if problem := _run([*self._as_user, *initdb]):
            raise RuntimeError(problem)

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        options = f"-c listen_addresses='' -c unix_socket_directories={self._folder} -c max_connections=200"
        line = ("-l", f"{self._folder}/log", "-o", options, "start")
        # The processes of a killed server keep its memory until they have seen that it has gone.
        wait_until(lambda: self._control(*line), what="PostgreSQL runs")

    def stop(self) -> None:
        """Shut the server down; it ends the connections of its clients."""
        self._control("-m", "fast", "stop")

    def kill(self) -> None:
        """Kill the server; its other processes end when they see that."""
        os.kill(int((self._data / "postmaster.pid").read_text().splitlines()[0]), signal.SIGKILL)

    def close(self) -> None:
        """Stop the server and remove its folder."""
        self._control("-m", "immediate", "stop")
        shutil.rmtree(self._folder, ignore_errors=True)

    def _control(self, *arguments: str) -> bool:
        """Tell whether ``pg_ctl`` did what it was told to."""
        line = [*self._as_user, f"{self._binaries}/pg_ctl", "-D", str(self._data), "-w", "-t", "300", *arguments]
        return _run(line) is None


def _binaries() -> Path:
    places = [Path(found).parent for name in ["initdb"] if (found := shutil.which(name))]
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for place in places:
        if (place / "pg_ctl").exists():
            return place
    raise FileNotFoundError("PostgreSQL's server is not installed (Debian: apt-get install postgresql)")


def _as_postgres(folder: Path) -> list[str]:
    """PostgreSQL does not run as root: then it runs as the user that its package made."""
    if os.geteuid() != 0:
        return []
    shutil.chown(folder, "postgres")
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]


def _run(line: list[str]) -> str | None:
    """Run a command; return what it wrote if it failed."""
    # A server that inherits a pipe keeps it open, so the output goes to a file.
    with tempfile.TemporaryFile("w+") as output:
        done = subprocess.run(line, stdout=output, stderr=subprocess.STDOUT, timeout=330, cwd="/", check=False)
        output.seek(0)
        return output.read() if done.returncode else None

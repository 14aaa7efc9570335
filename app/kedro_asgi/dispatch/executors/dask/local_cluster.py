"""A Dask cluster on this machine, as the process that starts it sees it."""

import base64
import os
import pickle
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kedro_asgi.errors import ClusterError

SESSION_VARIABLE = "KEDRO_ASGI_CLUSTER_SESSION"
"""Holds what opens the session on each worker, as a pickle in base 64, where no other variable says it."""

_LOOK_SECONDS = 0.05


class LocalDaskCluster:
    """Starts a scheduler and workers as processes; they end with this process, also if it is killed.

    ``create_session`` opens the project on each worker; without it, variables such as ``KEDRO_PROJECT_PATH`` say which
    one that is.
    """

    def __init__(self, create_session: Callable[[], Any] | None = None, *, workers: int | None = None) -> None:
        self._create_session = create_session
        self._workers = workers
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._address = ""
        self._is_closed = False

    def address(self) -> str:
        """Return the address of the scheduler; starts the cluster if it does not run. May take seconds.

        Raises `ClusterError` for a cluster that does not start.
        """
        with self._lock:
            if self._is_closed:
                raise ClusterError("The local Dask cluster is closed.")
            if self._process is None or self._process.poll() is not None:
                self._start()
            return self._address

    def close(self) -> None:
        """End the cluster; does not wait for that."""
        self._is_closed = True
        # Another thread may hold the lock, and wait for the address.
        process = self._process
        if process is not None and process.stdin is not None:
            process.stdin.close()
            threading.Thread(target=process.wait, daemon=True).start()

    def _start(self) -> None:
        with tempfile.TemporaryDirectory(prefix="kedro-asgi-") as folder:
            file = Path(folder) / "address"
            command = [sys.executable, "-m", "kedro_asgi.cluster.local", "--address-file", str(file)]
            if self._workers is not None:
                command += ["--workers", str(self._workers)]
            # In a session of its own: Ctrl+C is for the server, which lets runs end before it ends the cluster. Its
            # output is the server's, since nodes may print.
            self._process = process = subprocess.Popen(
                command, stdin=subprocess.PIPE, env=self._environ(), start_new_session=True
            )
            if self._is_closed:
                self.close()
            while not file.exists():
                if process.poll() is not None:
                    raise ClusterError("The local Dask cluster has not started: its output says why.")
                time.sleep(_LOOK_SECONDS)
            self._address = file.read_text()

    def _environ(self) -> dict[str, str]:
        environ = dict(os.environ)
        if self._create_session is not None:
            environ[SESSION_VARIABLE] = base64.b64encode(pickle.dumps(self._create_session)).decode()
        return environ

"""Several server processes on one port, and who looks after them."""

from typing import Any

import uvicorn
from uvicorn.supervisors import Multiprocess

# Models take their time to load.
_START_SECONDS = 60


class Workers(Multiprocess):
    """uvicorn's supervisor, except that it replaces workers that have ended, and leaves alone those that are silent.

    A worker is silent while a node holds the interpreter's lock, or while it is paused: it goes on afterwards, unless
    it was killed, and its runs with it. SIGHUP replaces all of them, one by one.
    """

    def keep_subprocess_alive(self) -> None:
        if not all(worker.process.is_alive() for worker in self.processes):
            super().keep_subprocess_alive()


def serve_with_workers(app: str, *, workers: int, **options: Any) -> None:
    """Serve until interrupted, as ``uvicorn.run`` does."""
    config = uvicorn.Config(app, workers=workers, timeout_worker_healthcheck=_START_SECONDS, **options)
    Workers(config, sockets=[config.bind_socket()]).run()

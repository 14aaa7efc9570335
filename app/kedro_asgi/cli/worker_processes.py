"""Several server processes on one port, and their supervisor."""

from typing import Any

import uvicorn
from uvicorn.supervisors import Multiprocess

# A worker may load large models before it answers health checks.
_HEALTH_CHECK_SECONDS = 60


class WorkerSupervisor(Multiprocess):
    """uvicorn's supervisor, except that it replaces only workers that have ended, not those that do not respond.

    A worker does not respond while a node holds the GIL, or while the worker is paused. Killing it would kill its runs,
    and it would respond again later. SIGHUP replaces all workers, one by one.
    """

    def keep_subprocess_alive(self) -> None:
        if not all(worker.process.is_alive() for worker in self.processes):
            super().keep_subprocess_alive()


def serve_with_workers(app: str, *, workers: int, **options: Any) -> None:
    """Serve until interrupted, as ``uvicorn.run`` does."""
    config = uvicorn.Config(app, workers=workers, timeout_worker_healthcheck=_HEALTH_CHECK_SECONDS, **options)
    WorkerSupervisor(config, sockets=[config.bind_socket()]).run()

"""A Dask cluster in processes of its own, which end with the tests: ``python dask_workers.py WORKERS``.

It prints the address of its scheduler, and ends when its standard input does.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from distributed import LocalCluster

# The cluster lives until all tests of a process have ended. An idle one samples its threads a hundred times a second.
_IDLE = {"DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False", "DASK_DISTRIBUTED__ADMIN__TICK__INTERVAL": "1s"}


@contextmanager
def dask_workers(workers: int) -> Iterator[str]:
    """Start a cluster with workers of one thread each, and return the address of its scheduler."""
    command = [sys.executable, __file__, str(workers)]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **_IDLE},
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            # A cluster that closes waits for its workers, for many seconds on a busy machine.
            os.killpg(process.pid, signal.SIGKILL)


def main(workers: int) -> None:
    with LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=":0") as cluster:
        print(cluster.scheduler_address, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    # Its folder holds no modules for this process.
    sys.path.remove(str(Path(__file__).parent))
    main(int(sys.argv[1]))

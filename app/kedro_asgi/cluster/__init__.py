"""Opens a project on a Dask worker: ``dask worker tcp://… --preload kedro_asgi.cluster --project-path …``.

Dask calls `dask_setup` before the worker takes any work, and `dask_teardown` when it closes.
"""

from kedro_asgi.cluster.preload import dask_setup as dask_setup
from kedro_asgi.cluster.preload import dask_teardown as dask_teardown

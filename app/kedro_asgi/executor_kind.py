"""The kinds of executors: where a server executes runs."""

from typing import Literal

ExecutorKind = Literal["thread", "process", "dask"]
"""In threads of the server, each in a process of its own, or on a Dask cluster."""

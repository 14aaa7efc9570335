"""What the servers of this folder are started with, from the environment: `bench_rivals` sets it."""

import os
from pathlib import Path

from pricing import Pricer

IS_BATCHED = os.environ["BENCH_BATCHED"] == "1"
WORKERS = int(os.environ["BENCH_WORKERS"])
# The limits that batching has in kedro-asgi by default; a server that has such limits gets the same.
MAX_ROWS = 256
MAX_WAIT_SECONDS = 0.005


def load_pricer() -> Pricer:
    """Load the model of the project that all sides serve."""
    return Pricer(Path(os.environ["BENCH_PROJECT"]))

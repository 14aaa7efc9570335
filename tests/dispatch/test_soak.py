"""A short soak: the same as ``make soak``, which goes on for an hour."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
def test_a_short_soak_finds_no_broken_promise(request: pytest.FixtureRequest, store: str) -> None:
    if store == "postgresql":
        # Skips, or fails, where its server is not installed.
        request.getfixturevalue("postgres_url")
    line = [sys.executable, "-m", "soak", "--minutes", "1", "--store", store]
    environ = {**os.environ, "PYTHONPATH": f"{ROOT / 'tools'}:{ROOT / 'tests'}"}
    done = subprocess.run(line, capture_output=True, text=True, env=environ, timeout=1700)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["is_good"]
    assert report["records"] > 0

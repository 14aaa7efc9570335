"""Tools that check and run deployments: each is skipped where it is not installed, which CI must not do."""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def tool() -> Callable[[str], str]:
    """Return a function that returns the path of a tool, of this environment or of the system."""

    def find(name: str) -> str:
        folders = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"], "/usr/sbin"))
        path = shutil.which(name, path=folders)
        if path is None:
            message = f"{name} is not installed (make deploy-tools)"
            if os.environ.get("CI") == "true":
                pytest.fail(message)
            pytest.skip(message)
        return path

    return find

"""Processes that all tests of runners share, as the runs of a session do."""

from collections.abc import Iterator

import pytest

from kedro_asgi.runner.processes import Processes


@pytest.fixture(scope="package")
def processes() -> Iterator[Processes]:
    warm = Processes()
    yield warm
    warm.close()

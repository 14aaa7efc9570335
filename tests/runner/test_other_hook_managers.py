"""A runner takes hook managers of another kind, such as Kedro's that has no hooks."""

import pytest

from kedro_asgi.io import DataCatalog, MemoryDataset
from kedro_asgi.pipeline import Pipeline, node
from kedro_asgi.runner import AbstractRunner, SequentialRunner, ThreadRunner


class NoHooks:
    """Takes every call of every hook, and answers nothing."""

    @property
    def hook(self) -> "NoHooks":
        return self

    def __getattr__(self, name: str):
        return lambda **arguments: None


@pytest.mark.parametrize("runner", [SequentialRunner(), ThreadRunner()])
def test_a_manager_without_hooks_is_taken(runner: AbstractRunner) -> None:
    pipeline = Pipeline([node(len, "text", "length", name="n")])
    result = runner.run(pipeline, DataCatalog({"text": MemoryDataset("abc")}), NoHooks())
    assert result["length"].load() == 3

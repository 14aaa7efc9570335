"""The place of the data of a run on a cluster: on the workers wherever they can hold it, else in this process."""

from typing import Any

from kedro_asgi.hooks import RunHooks
from kedro_asgi.hooks.run_hooks import hook_arguments
from kedro_asgi.io import DataCatalog, MemoryDataset
from kedro_asgi.io.dataset import AbstractDataset
from kedro_asgi.io.dataset_protocols import can_leave_process, extends_kedro_dataset
from kedro_asgi.pipeline.steps import Step
from kedro_asgi.runner.remote_datasets import RemoteDataset, can_be_remote

_DATA_ARGUMENTS = frozenset({"inputs", "outputs", "catalog"})


class Placement:
    """Decides for each dataset of a run whether workers use it. Thread-safe.

    Hooks run in this process, as those of `ParallelRunner` do (Q-31), since they may keep what they see. So data that
    hooks see comes here, and workers only call functions.
    """

    def __init__(self, catalog: DataCatalog, hooks: RunHooks) -> None:
        self._catalog = catalog
        # A catalog of the project's own class may do anything when it loads and saves.
        self._is_all_here = _show_data(hooks) or not issubclass(type(catalog), DataCatalog)
        self._can_leave: dict[str, bool] = {}

    def has_whole_turn(self, step: Step) -> bool:
        """Tell whether a worker can load, call and save for a node."""
        return not self._is_all_here and all(self.is_in_memory(name) or self.is_remote(name) for name in step.outputs)

    def is_in_memory(self, name: str) -> bool:
        """Tell whether a dataset only keeps its data in memory; a class of the project may do more than that."""
        return type(self._catalog[name]) is MemoryDataset and self._catalog.active_validator(name) is None

    def is_remote(self, name: str) -> bool:
        """Tell whether workers can load and save a dataset.

        An object that is no AbstractDataset may keep data in itself, so it stays here.
        """
        if name not in self._can_leave:
            dataset = self._catalog[name]
            is_known = isinstance(dataset, AbstractDataset) or extends_kedro_dataset(type(dataset))
            can_leave = is_known and can_be_remote(self._catalog, name) and can_leave_process(dataset)
            self._can_leave[name] = can_leave
        return self._can_leave[name]

    def is_wanted(self, name: str) -> bool:
        """Tell whether the caller of the run asks for a dataset that a node may need, too."""
        return name in self._catalog.kept

    def remote(self, name: str) -> RemoteDataset:
        """Return a dataset for a worker, as it is now: a versioned one changes when it is saved."""
        return RemoteDataset.of(self._catalog, name)

    def copy_mode(self, name: str) -> str | None:
        """Return how a dataset in memory copies its data; ``None`` where the type of the data decides."""
        return self.memory(name)._copy_mode

    def memory(self, name: str) -> MemoryDataset:
        """Return the dataset in memory that stands in this process for data on the cluster."""
        dataset = self._catalog[name]
        assert isinstance(dataset, MemoryDataset)
        return dataset


def _show_data(hooks: RunHooks) -> bool:
    """Tell whether hooks see data of nodes, or the catalog that holds it."""
    calls = (hooks.before_node_run, hooks.after_node_run, hooks.on_node_error)
    return hooks.shows_loads or hooks.shows_saves or any(call is not None and _takes_data(call) for call in calls)


def _takes_data(call: Any) -> bool:
    # A manager of another kind does not say what its hooks take.
    return not hasattr(call, "get_hookimpls") or not _DATA_ARGUMENTS.isdisjoint(hook_arguments(call))

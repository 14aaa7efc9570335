"""A dataset that caches the data of another one in memory."""

from collections.abc import Mapping
from typing import Any

from kedro_asgi.errors import CachedDatasetError
from kedro_asgi.io.builder import DatasetDefinition
from kedro_asgi.io.dataset import AbstractDataset, is_persistent
from kedro_asgi.io.dataset_protocols import Dataset, can_load_and_save, constructor_config
from kedro_asgi.io.memory_dataset import MemoryDataset
from kedro_asgi.io.version import Version


class CachedDataset(AbstractDataset[Any, Any]):
    """Saves through to another dataset and loads from memory where it can.

    It outlives its run if the inner dataset does (Q-29). Several processes cannot share it.
    """

    _SINGLE_PROCESS = True

    def __init__(
        self,
        dataset: Dataset | Mapping[str, object],
        version: Version | None = None,
        copy_mode: str | None = None,
        metadata: dict[str, object] | None = None,
    ) -> None:
        self.metadata = metadata
        self._dataset = _inner_dataset(dataset, version)
        self._copy_mode = copy_mode
        self._cache = MemoryDataset(copy_mode=copy_mode)
        self._EPHEMERAL = not is_persistent(self._dataset)

    def __getstate__(self) -> dict[str, Any]:
        # A copy, such as one for another process, loads again: cached data may be large, and need not be picklable.
        return {**vars(self), "_cache": MemoryDataset(copy_mode=self._copy_mode)}

    def load(self) -> Any:
        if self._cache.exists():
            return self._cache.load()
        data = self._dataset.load()
        if data is not None:
            self._cache.save(data)
        return data

    def save(self, data: Any) -> None:
        self._dataset.save(data)
        self._cache.save(data)

    def to_config(self) -> dict[str, object]:
        """Return an entry of the catalog that would make this dataset; a dataset inside stands as its entry."""
        config = super().to_config()
        inner = config["dataset"] if isinstance(config["dataset"], Mapping) else constructor_config(self._dataset)
        if inner is not None:
            is_versioned = bool(config.get("versioned") or inner.get("versioned"))
            config["dataset"] = {key: value for key, value in inner.items() if key != "versioned"}
            config |= {"versioned": True} if is_versioned else {}
        return config

    def _exists(self) -> bool:
        exists = getattr(self._dataset, "exists", None)
        return self._cache.exists() or bool(exists and exists())

    def _release(self) -> None:
        self._cache.release()
        release = getattr(self._dataset, "release", None)
        if release:
            release()

    def _describe(self) -> dict[str, object]:
        return {"dataset": repr(self._dataset), "cache": repr(self._cache)}


def _inner_dataset(dataset: Dataset | Mapping[str, object], version: Version | None) -> Dataset:
    if not isinstance(dataset, Mapping):
        if can_load_and_save(dataset):
            return dataset
        raise CachedDatasetError(
            "The argument type of 'dataset' should be either a dict/YAML representation of the dataset, "
            "or the actual dataset object."
        )
    if "versioned" in dataset:
        raise CachedDatasetError(
            "Cached datasets should specify that they are versioned in the 'CachedDataset', not in the wrapped dataset."
        )
    if version is None:
        return DatasetDefinition.from_config("_cached", dataset).build()
    versioned = {**dataset, "versioned": True}
    return DatasetDefinition.from_config("_cached", versioned).build(
        load_version=version.load, save_version=version.save
    )

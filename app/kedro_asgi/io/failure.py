"""Errors of datasets, told under the name that the catalog gives the dataset."""

from typing import Any

from kedro_asgi.errors import DatasetError, DatasetFailedError
from kedro_asgi.io.dataset import AbstractDataset
from kedro_asgi.io.dataset_protocols import is_dataset_error, is_kedro_class
from kedro_asgi.redaction import redact


def named_failure(error: Exception, name: str, doing: str, dataset: Any) -> DatasetError | None:
    """Return the DatasetError that says which dataset failed, or ``None`` if ``error`` is to pass (CAT-56).

    Classes that extend no AbstractDataset do not wrap what they raise, so that is done here.
    """
    if is_dataset_error(error):
        return DatasetError(f"{name}: {redact(str(error))}")
    if isinstance(dataset, AbstractDataset) or is_kedro_class(type(dataset)):
        return None
    failure = DatasetFailedError(doing, redact(repr(dataset)), redact(str(error)))
    return DatasetError(f"{name}: {failure}")

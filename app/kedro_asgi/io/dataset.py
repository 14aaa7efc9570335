"""The base class of datasets, whether data persists, and the errors of datasets that fail."""

import inspect
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Generic, Self, TypeVar

from kedro_asgi.errors import DatasetError, DatasetFailedError, MissingDataError
from kedro_asgi.errors.io import INPUT_HINT
from kedro_asgi.errors.wording import class_path
from kedro_asgi.io.builder import DatasetDefinition
from kedro_asgi.io.dataset_protocols import Dataset, extends_kedro_dataset, is_dataset_error
from kedro_asgi.redaction import redact

_log = logging.getLogger(__name__)
_In = TypeVar("_In")
_Out = TypeVar("_Out")
_T = TypeVar("_T")
_NOT_CONFIGURED = ("self", "version", "metadata")


class AbstractDataset(ABC, Generic[_In, _Out]):
    """A place that data is loaded from and saved to.

    A subclass implements ``load``, ``save`` and ``_describe`` and may implement ``_exists``, ``_release`` and
    ``confirm``; ``_load`` and ``_save`` also count as ``load`` and ``save`` (CAT-48). The caller gets their exceptions
    as DatasetError with the cause attached, except a FileNotFoundError or a NotADirectoryError of ``save`` (CAT-50).
    """

    _EPHEMERAL: bool = False
    _SINGLE_PROCESS: bool = False
    __made_with: tuple[tuple[object, ...], dict[str, object]] = ((), {})

    def __new__(cls, *args: object, **kwargs: object) -> Self:
        # Two underscores: no attribute of a subclass can have this name.
        dataset = super().__new__(cls)
        dataset.__made_with = (args, kwargs)
        return dataset

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        for verb, wrapped in (("load", cls._load_with_dataset_errors), ("save", cls._save_with_dataset_errors)):
            method = vars(cls).get(verb) or vars(cls).get(f"_{verb}")
            if inspect.isfunction(method) and not getattr(method, "__isabstractmethod__", False):
                setattr(cls, verb, wrapped(method))

    @classmethod
    def from_config(
        cls, name: str, config: Mapping[str, object], load_version: str | None = None, save_version: str | None = None
    ) -> Dataset:
        """Make the dataset that an entry of the catalog describes; paths are relative to the working folder."""
        return DatasetDefinition.from_config(name, config).build(load_version=load_version, save_version=save_version)

    @abstractmethod
    def load(self) -> _Out:
        """Return the data."""

    @abstractmethod
    def save(self, data: _In) -> None:
        """Store ``data``; ``None`` is refused."""

    @abstractmethod
    def _describe(self) -> dict[str, Any]:
        """Return the facts that ``repr`` shows, without credentials."""

    def exists(self) -> bool:
        """Tell whether there is something to load."""
        return _with_dataset_errors(self, "during exists check for", self._exists)

    def release(self) -> None:
        """Drop what the dataset holds in memory."""
        _with_dataset_errors(self, "during release for", self._release)

    def to_config(self) -> dict[str, object]:
        """Return an entry of the catalog that would make this dataset."""
        arguments = self.__arguments()
        given = {key: value for key, value in arguments.items() if key not in _NOT_CONFIGURED}
        versioned = {"versioned": True} if arguments.get("version") else {}
        return {"type": class_path(type(self)), **given, **versioned}

    def __repr__(self) -> str:
        # Needed only where a dataset is shown.
        from pprint import pformat

        described: object = self._describe()
        if not isinstance(described, dict) or not all(isinstance(key, str) for key in described):
            name = f"{type(self).__module__}.{type(self).__name__}"
            _log.warning("'%s._describe()' must return a mapping of texts to values.", name)
            return f"{name}()"
        shown = ", ".join(
            f"{key}={pformat(value, depth=2, width=1 << 16, sort_dicts=False)}"
            for key, value in described.items()
            if value is not None
        )
        return redact(f"{class_path(type(self))}({shown})")

    def _exists(self) -> bool:
        _log.warning("'exists()' not implemented for '%s'. Assuming output does not exist.", type(self).__name__)
        return False

    def _release(self) -> None:
        """Drop what the dataset holds in memory; this base class holds nothing."""

    def __arguments(self) -> dict[str, Any]:
        """Return the arguments of the constructor by name, including those in its ``**`` parameter."""
        args, kwargs = self.__made_with
        signature = inspect.signature(type(self).__init__)
        bound = signature.bind(self, *args, **kwargs)
        bound.apply_defaults()
        for parameter in signature.parameters.values():
            if parameter.kind is parameter.VAR_KEYWORD:
                bound.arguments.update(bound.arguments.pop(parameter.name))
        return bound.arguments

    @staticmethod
    def _load_with_dataset_errors(load: Callable[[Any], Any]) -> Callable[[Any], Any]:
        @wraps(load)
        def load_or_report(self: AbstractDataset[Any, Any]) -> Any:
            # Nothing is called in between: each input of each node comes this way.
            try:
                return load(self)
            except DatasetError:
                raise
            except Exception as error:
                raise _failure(self, "while loading data from", error) from error

        return load_or_report

    @staticmethod
    def _save_with_dataset_errors(save: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
        @wraps(save)
        def save_or_report(self: AbstractDataset[Any, Any], data: Any) -> None:
            if data is None:
                raise DatasetError("Saving 'None' to a 'Dataset' is not allowed")
            try:
                save(self, data)
            except (DatasetError, FileNotFoundError, NotADirectoryError):
                raise
            except Exception as error:
                raise _failure(self, "while saving data to", error) from error

        return save_or_report


def is_persistent(dataset: object) -> bool:
    """Tell whether data saved to ``dataset``, an object or its class, outlives the run that saved it."""
    return not getattr(dataset, "_EPHEMERAL", False)


def raise_named(error: Exception, *, name: str, doing: str, dataset: object) -> None:
    """Raise the DatasetError that names the dataset, unless ``error`` goes to the caller as it is (CAT-56).

    A class that extends no AbstractDataset does not wrap its errors, so this function does.
    """
    if is_dataset_error(error):
        hint = INPUT_HINT if isinstance(error, MissingDataError) else ""
        raise DatasetError(f"{name}: {redact(str(error))}{hint}") from error
    if isinstance(dataset, AbstractDataset) or extends_kedro_dataset(type(dataset)):
        return
    failure = DatasetFailedError(doing, _shown(dataset), redact(str(error)))
    raise DatasetError(f"{name}: {failure}") from error


def _with_dataset_errors(dataset: object, doing: str, work: Callable[[], _T]) -> _T:
    """Return what ``work`` returns; raises its errors as DatasetError."""
    try:
        return work()
    except DatasetError:
        raise
    except Exception as error:
        raise _failure(dataset, doing, error) from error


def _failure(dataset: object, doing: str, error: Exception) -> DatasetError:
    if isinstance(error, MissingDataError):
        return error
    if is_dataset_error(error):
        return DatasetError(redact(str(error)))
    return DatasetFailedError(doing, _shown(dataset), redact(str(error)))


def _shown(dataset: object) -> str:
    """Return the ``repr`` of a dataset; one that fails must not hide the error that is being reported."""
    try:
        return redact(repr(dataset))
    except Exception:  # datasets of a project may raise anything
        return class_path(type(dataset))

"""The validator of one dataset at work in one run (CAT-67 to CAT-69)."""

import inspect
import logging
import os
from typing import Any

from kedro_asgi.errors import DataValidationError, ValidatorTargetError
from kedro_asgi.redaction import redact
from kedro_asgi.validation.declaration import ValidatorSpec
from kedro_asgi.validation.targets import Validator, resolve_validator

_log = logging.getLogger(__name__)
_SWITCH = "KEDRO_DATASET_VALIDATION"
_SWITCHED = {"1": True, "true": True, "on": True, "0": False, "false": False, "off": False}


def is_switched_on(default: bool) -> bool:
    """Tell whether data is validated: as the environment says at this moment, else as the settings do (CAT-68)."""
    return _SWITCHED.get(os.environ.get(_SWITCH, "").strip().lower(), default)


class DatasetCheck:
    """Validates what is loaded from a dataset and saved to it; the validator is found at its first use."""

    def __init__(self, name: str, spec: ValidatorSpec) -> None:
        self._name = name
        self.spec = spec
        self._modes = spec.on if spec.enabled else ()
        self._validator: Validator | None = None
        self._is_fresh = False

    def loaded(self, data: Any, *, is_saved: bool = True) -> Any:
        """Return loaded data as the validator leaves it.

        Data that passed when it was saved may be skipped, unless this is not the version that was saved.
        """
        if "load" not in self._modes or (self._is_fresh and self.spec.skip_load_after_save and is_saved):
            return data
        return self._seen(data, "load")[0]

    def saved(self, data: Any) -> Any:
        """Return data that is to be saved as the validator leaves it."""
        if "save" not in self._modes:
            return data
        data, self._is_fresh = self._seen(data, "save")
        return data

    def forget(self) -> None:
        """Validate again what is loaded next: the dataset was released."""
        self._is_fresh = False

    def validate(self, data: Any, mode: str) -> Any:
        """Return ``data`` as the validator leaves it.

        Raises `DataValidationError` whatever the severity, and `ValidatorTargetError` if there is no validator.
        """
        validator = self.resolve()
        try:
            result = validator.validate(data)
        except Exception as error:
            raise self._failure(error, mode) from _cause(error)
        if inspect.iscoroutine(result):
            result.close()
            path = self.spec.class_path
            raise ValidatorTargetError(path, f"Validator '{path}' is async, but nobody awaits validators.")
        return data if result is None else result

    def resolve(self) -> Validator:
        """Return the validator, the same each time; raises `ValidatorTargetError`."""
        if self._validator is None:
            self._validator = resolve_validator(self.spec)
        return self._validator

    def _seen(self, data: Any, mode: str) -> tuple[Any, bool]:
        try:
            return self.validate(data, mode), True
        except DataValidationError as failure:
            if self.spec.severity != "warn":
                raise
            _log.warning("%s", failure)
            return data, False

    def _failure(self, error: Exception, mode: str) -> DataValidationError:
        """A validator may raise the error itself, and know more than its text."""
        known = error if isinstance(error, DataValidationError) else None
        return DataValidationError(
            redact(str(error) if known is None else known.message),
            dataset_name=self._name,
            mode=mode,
            validator=self.spec.class_path,
            failures=known.failures if known else (),
            error_type=known.error_type if known else None,
        )


def _cause(error: Exception) -> BaseException | None:
    return error.__cause__ if isinstance(error, DataValidationError) else error

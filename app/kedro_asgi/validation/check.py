"""The checks of one dataset in one run, by its validator."""

import inspect
import logging
import os
from typing import Any

from kedro_asgi.errors import DataValidationError, ValidatorTargetError
from kedro_asgi.redaction import redact
from kedro_asgi.validation.declaration import ValidatorSpec
from kedro_asgi.validation.validators import Validator, resolve_validator

_log = logging.getLogger(__name__)
_VARIABLE = "KEDRO_DATASET_VALIDATION"
_SWITCHES = {"1": True, "true": True, "on": True, "0": False, "false": False, "off": False}


def is_switched_on(default: bool) -> bool:
    """Tell whether data is validated: the environment variable decides, else ``default``, the setting (CAT-68)."""
    return _SWITCHES.get(os.environ.get(_VARIABLE, "").strip().lower(), default)


class DatasetCheck:
    """Validates the data that a dataset loads and saves; the validator is imported on first use."""

    def __init__(self, name: str, spec: ValidatorSpec) -> None:
        self._name = name
        self.spec = spec
        self._modes = spec.on if spec.enabled else ()
        self._validator: Validator | None = None
        self._has_passed_save = False

    def check_loaded(self, data: Any, *, is_saved: bool = True) -> Any:
        """Return loaded data as the validator returns it.

        ``skip_load_after_save`` skips data that passed when it was saved; ``is_saved`` tells that this is the version
        that was saved.
        """
        if "load" not in self._modes or (self._has_passed_save and self.spec.skip_load_after_save and is_saved):
            return data
        return self._apply(data, "load")[0]

    def check_saved(self, data: Any) -> Any:
        """Return data that is about to be saved as the validator returns it."""
        if "save" not in self._modes:
            return data
        data, self._has_passed_save = self._apply(data, "save")
        return data

    def forget_save(self) -> None:
        """Note that the dataset was released: the next load is validated again."""
        self._has_passed_save = False

    def validate(self, data: Any, mode: str) -> Any:
        """Return ``data`` as the validator returns it.

        Raises `DataValidationError` for any severity, and `ValidatorTargetError` if there is no validator.
        """
        validator = self.resolve()
        try:
            result = validator.validate(data)
        except Exception as error:
            raise self._failure(error, mode) from _cause(error)
        if inspect.iscoroutine(result):
            result.close()
            path = self.spec.class_path
            raise ValidatorTargetError(path, f"Validator '{path}' is async, but validators are not awaited.")
        return data if result is None else result

    def resolve(self) -> Validator:
        """Return the validator, the same object each time; raises `ValidatorTargetError`."""
        if self._validator is None:
            self._validator = resolve_validator(self.spec)
        return self._validator

    def _apply(self, data: Any, mode: str) -> tuple[Any, bool]:
        """Return the data, and whether it passed; data that fails is only logged if the severity is ``warn``."""
        try:
            return self.validate(data, mode), True
        except DataValidationError as failure:
            if self.spec.severity != "warn":
                raise
            _log.warning("%s", failure)
            return data, False

    def _failure(self, error: Exception, mode: str) -> DataValidationError:
        """Keep the details of a `DataValidationError` that the validator itself raised."""
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

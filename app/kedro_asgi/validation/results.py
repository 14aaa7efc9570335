"""Validate datasets of a catalog on demand, with results as data."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal, Protocol

import msgspec
from msgspec import UNSET

from kedro_asgi.errors import CheckFailure, DataValidationError, ValidationConfigurationError
from kedro_asgi.validation.check import DatasetCheck
from kedro_asgi.validation.declaration import MODES, ValidatorSpec

Status = Literal["passed", "failed", "skipped", "errored"]
_PLAIN = (str, int, float, bool, type(None))


class HasValidators(Protocol):
    """The attributes of a catalog that validation reads."""

    @property
    def validator_specs(self) -> Mapping[str, ValidatorSpec]: ...

    def get(self, name: str, *, version: str | None = None) -> Any: ...


class ValidationResult(msgspec.Struct, frozen=True):
    """The result of one dataset: ``reason`` says why it was skipped, ``message`` what is wrong with it.

    The ``error_type`` of a dataset that could not be validated is ``unresolvable_validator`` or ``dataset_error``.
    ``data`` is the data as the validator returned it.
    """

    dataset_name: str
    validator: str | None
    status: Status
    failures: list[CheckFailure] = []
    message: str | None = None
    reason: str | None = None
    error_type: str | None = None
    enabled: bool = True
    data: Any = None

    def raise_if_failed(self) -> None:
        """Raise `DataValidationError` for data that failed or could not be validated."""
        if self.status in ("failed", "errored"):
            header = DataValidationError("", dataset_name=self.dataset_name, mode="api", validator=self.validator)
            raise DataValidationError(
                (self.message or "").removeprefix(f"{header}\n"),
                dataset_name=self.dataset_name,
                mode="api",
                validator=self.validator,
                failures=self.failures,
                error_type=self.error_type,
            )

    def to_dict(self) -> dict[str, Any]:
        """Return all fields but the data, as values that JSON knows."""
        facts = {key: value for key, value in msgspec.structs.asdict(self).items() if key != "data"}
        return {**facts, "failures": [_as_builtins(failure) for failure in self.failures]}


def validate_dataset(
    catalog: HasValidators, name: str, data: Any = UNSET, *, on: str = "load", version: str | None = None
) -> ValidationResult:
    """Validate ``data``, or the data that the dataset loads, as if it were loaded or saved.

    A validator is used even if it, or all validation, is switched off. Raises ``ValueError`` for wrong arguments, and
    nothing else.
    """
    if on not in MODES:
        raise ValueError(f"'on' must be 'load' or 'save', got {on!r}.")
    if on == "save" and data is UNSET:
        raise ValueError("data must be provided when validating with on='save'.")
    try:
        dataset = catalog.get(name, version=version)
    except Exception as error:
        return _errored(name, None, "dataset_error", str(error))
    if dataset is None:
        return _errored(name, None, "dataset_error", f"Dataset '{name}' not found in the catalog.")
    spec = catalog.validator_specs.get(name)
    if spec is None:
        return ValidationResult(name, None, "skipped", reason="no validator declared")
    if on not in spec.on:
        reason = f"validator declared for {spec.on[0]} only"
        return ValidationResult(name, spec.class_path, "skipped", reason=reason, enabled=spec.enabled)
    return _validated(DatasetCheck(name, spec), name, dataset, data)


def validate_catalog(catalog: HasValidators, names: Iterable[str] | None = None) -> dict[str, ValidationResult]:
    """Load and validate the datasets ``names``, or all that have a validator, sorted."""
    wanted = sorted(catalog.validator_specs) if names is None else names
    return {name: validate_dataset(catalog, name) for name in wanted}


def _validated(check: DatasetCheck, name: str, dataset: Any, data: Any) -> ValidationResult:
    spec = check.spec
    try:
        check.resolve()
    except ValidationConfigurationError as error:
        return _errored(name, spec, "unresolvable_validator", str(error))
    try:
        data = dataset.load() if data is UNSET else data
    except Exception as error:
        return _errored(name, spec, "dataset_error", str(error))
    try:
        validated = check.validate(data, "api")
    except DataValidationError as error:
        return ValidationResult(
            name, spec.class_path, "failed", failures=error.failures, message=str(error), enabled=spec.enabled
        )
    except ValidationConfigurationError as error:
        return _errored(name, spec, "unresolvable_validator", str(error))
    return ValidationResult(name, spec.class_path, "passed", enabled=spec.enabled, data=validated)


def _errored(name: str, spec: ValidatorSpec | None, error_type: str, message: str) -> ValidationResult:
    path, enabled = (None, True) if spec is None else (spec.class_path, spec.enabled)
    return ValidationResult(name, path, "errored", message=message, error_type=error_type, enabled=enabled)


def _as_builtins(failure: CheckFailure) -> dict[str, Any]:
    examples = [value if _is_plain(value) else str(value) for value in failure.failure_examples]
    return {**msgspec.structs.asdict(failure), "failure_examples": examples}


def _is_plain(value: Any) -> bool:
    return type(value) in _PLAIN and value == value  # JSON has no NaN

"""Errors of validation: parameters that do not fit their models, data that fails its validator."""

from collections.abc import Iterable, Mapping
from typing import Any, Self

import msgspec

from kedro_asgi.errors.base import KedroAsgiError, ReportedAsBase
from kedro_asgi.errors.io import DatasetError
from kedro_asgi.errors.wording import shortened

# The bounds of the text of a `DataValidationError`.
_CHECKS, _EXAMPLES = 10, 5
_TEXT_LENGTH, _CHECK_LENGTH, _COLUMN_LENGTH, _EXAMPLE_LENGTH = 500, 200, 60, 40


class ParameterValidationError(KedroAsgiError):
    """Parameters do not fit the type hints of the nodes that run; ``failures`` gives the reason for each."""

    def __init__(self, *args: object, failures: Mapping[str, str] | None = None) -> None:
        self.failures = dict(failures or {})
        super().__init__(*args)

    @classmethod
    def of(cls, failures: Mapping[str, str]) -> Self:
        """Return the error for these parameters."""
        listed = "\n".join(f"- Parameter '{name}': {reason}" for name, reason in failures.items())
        return cls(f"Parameter validation failed:\n{listed}", failures=failures)


class ModelInstantiationError(ParameterValidationError):
    """One parameter cannot become the model that a node's type hint names."""

    @classmethod
    def of_parameter(cls, parameter: str, reason: str) -> Self:
        """Return the error for a parameter; its text is the reason alone."""
        return cls(reason, failures={parameter: reason})


class CheckFailure(msgspec.Struct, frozen=True):
    """One check that data did not pass: how often it failed, and some of the values that failed."""

    message: str
    check: str | None = None
    column: str | None = None
    failure_count: int = 1
    failure_examples: list[Any] = []

    def __str__(self) -> str:
        cases = "1 case" if self.failure_count == 1 else f"{self.failure_count} cases"
        examples = ", ".join(shortened(str(example), _EXAMPLE_LENGTH) for example in self.failure_examples[:_EXAMPLES])
        where = f"{shortened(str(self.column), _COLUMN_LENGTH)}: " if self.column else ""
        label = shortened(str(self.check or self.message), _CHECK_LENGTH)
        return f"{where}{label} — {cases}" + (f" (e.g. {examples})" if examples else "")


class DataValidationError(DatasetError):
    """Data does not pass the validator of its dataset.

    ``mode`` is ``load``, ``save`` or ``api``; ``failures`` lists the failed checks where the validator reports them.
    """

    def __init__(
        self,
        message: str,
        *,
        dataset_name: str | None = None,
        mode: str | None = None,
        validator: str | None = None,
        failures: Iterable[CheckFailure] | None = None,
        error_type: str | None = None,
    ) -> None:
        self.message, self.dataset_name, self.mode = message, dataset_name, mode
        self.validator, self.failures, self.error_type = validator, list(failures or ()), error_type
        super().__init__(message)

    def __str__(self) -> str:
        """Show the attributes as they are now, in bounded length: the data may fail any number of checks."""
        return "\n".join(filter(None, [self._subject(), self._source(), self._reason()]))

    def _subject(self) -> str:
        if not self.dataset_name:
            return shortened(self.message, _TEXT_LENGTH) or "Validation failed"
        subject = f"Validation failed for dataset '{self.dataset_name}'" + (f" on {self.mode}" if self.mode else "")
        return shortened(subject, _TEXT_LENGTH)

    def _source(self) -> str:
        return f"(validator: {shortened(self.validator, _TEXT_LENGTH)})" if self.validator else ""

    def _reason(self) -> str:
        if not self.failures:
            return shortened(self.message, _TEXT_LENGTH) if self.dataset_name else ""
        cases = sum(failure.failure_count for failure in self.failures)
        listed = [f"  - {failure}" for failure in self.failures[:_CHECKS]]
        more = [f"  ... and {len(self.failures) - _CHECKS} more check(s)"] if len(self.failures) > _CHECKS else []
        return "\n".join([f"{len(self.failures)} check(s) failed — {cases} failure case(s):", *listed, *more])


class ValidationConfigurationError(DatasetError):
    """A ``validator`` is declared wrongly, or is no validator."""


class ValidatorDeclarationError(ReportedAsBase, ValidationConfigurationError):
    """An entry of the catalog does not say how to validate its data."""

    def __init__(self, dataset_name: str, problem: str) -> None:
        self.dataset_name = dataset_name
        super().__init__(f"Invalid validator declaration for dataset '{dataset_name}': {problem}.")


class ValidatorTargetError(ReportedAsBase, ValidationConfigurationError):
    """The ``class`` of a validator cannot validate, or takes other options."""

    def __init__(self, class_path: str, problem: str) -> None:
        self.class_path = class_path
        super().__init__(problem)

"""Check parameters against the type hints of nodes, and data against validators, under Kedro's names (PAR-20)."""

from kedro_asgi.errors import (
    CheckFailure,
    DataValidationError,
    ModelInstantiationError,
    ParameterValidationError,
    ValidationConfigurationError,
)
from kedro_asgi.validation.check import DatasetCheck, is_switched_on
from kedro_asgi.validation.declaration import ValidatorSpec
from kedro_asgi.validation.extractor import TypeExtractor
from kedro_asgi.validation.models import instantiate_model
from kedro_asgi.validation.pandera import PanderaValidator
from kedro_asgi.validation.parameters import ParameterValidator, Validate, ValidatedParameters, unchecked
from kedro_asgi.validation.results import ValidationResult, validate_catalog, validate_dataset
from kedro_asgi.validation.validators import CallableValidator, Validator, preflight_check, resolve_validator

__all__ = [
    "CallableValidator",
    "CheckFailure",
    "DataValidationError",
    "DatasetCheck",
    "ModelInstantiationError",
    "PanderaValidator",
    "ParameterValidationError",
    "ParameterValidator",
    "TypeExtractor",
    "Validate",
    "ValidatedParameters",
    "ValidationConfigurationError",
    "ValidationResult",
    "Validator",
    "ValidatorSpec",
    "instantiate_model",
    "is_switched_on",
    "preflight_check",
    "resolve_validator",
    "unchecked",
    "validate_catalog",
    "validate_dataset",
]

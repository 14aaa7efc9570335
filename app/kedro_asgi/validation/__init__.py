"""Check parameters against the type hints of nodes, and data against validators, under Kedro's names (PAR-20)."""

from kedro_asgi.errors import CheckFailure as CheckFailure
from kedro_asgi.errors import DataValidationError as DataValidationError
from kedro_asgi.errors import ModelInstantiationError as ModelInstantiationError
from kedro_asgi.errors import ParameterValidationError as ParameterValidationError
from kedro_asgi.errors import ValidationConfigurationError as ValidationConfigurationError
from kedro_asgi.validation.check import DatasetCheck as DatasetCheck
from kedro_asgi.validation.check import is_switched_on as is_switched_on
from kedro_asgi.validation.declaration import ValidatorSpec as ValidatorSpec
from kedro_asgi.validation.extractor import TypeExtractor as TypeExtractor
from kedro_asgi.validation.models import instantiate_model as instantiate_model
from kedro_asgi.validation.pandera import PanderaValidator as PanderaValidator
from kedro_asgi.validation.pandera import datetime_columns as datetime_columns
from kedro_asgi.validation.pandera import declared_schema as declared_schema
from kedro_asgi.validation.pandera import schema_of as schema_of
from kedro_asgi.validation.parameters import ParameterValidator as ParameterValidator
from kedro_asgi.validation.parameters import Validate as Validate
from kedro_asgi.validation.parameters import ValidatedParameters as ValidatedParameters
from kedro_asgi.validation.parameters import unchecked as unchecked
from kedro_asgi.validation.results import ValidationResult as ValidationResult
from kedro_asgi.validation.results import validate_catalog as validate_catalog
from kedro_asgi.validation.results import validate_dataset as validate_dataset
from kedro_asgi.validation.validators import CallableValidator as CallableValidator
from kedro_asgi.validation.validators import Validator as Validator
from kedro_asgi.validation.validators import preflight_check as preflight_check
from kedro_asgi.validation.validators import resolve_validator as resolve_validator

"""Check parameters against type hints of nodes, and data against validators; Kedro's names for it (PAR-20)."""

from kedro_asgi.errors import ModelInstantiationError, ParameterValidationError
from kedro_asgi.validation.extractor import TypeExtractor
from kedro_asgi.validation.models import instantiate_model
from kedro_asgi.validation.parameters import ParameterValidator, ValidatedParameters

__all__ = [
    "ModelInstantiationError",
    "ParameterValidationError",
    "ParameterValidator",
    "TypeExtractor",
    "ValidatedParameters",
    "instantiate_model",
]

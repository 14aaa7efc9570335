"""Configuration: YAML environments, compiled once and evaluated per run."""

from kedro_asgi.config.config import Config
from kedro_asgi.config.custom_loader import CustomLoader, LoadedConfig
from kedro_asgi.config.interpolation.parameters import Parameters
from kedro_asgi.config.interpolation.template import Template
from kedro_asgi.config.loader import AbstractConfigLoader, ConfigLoader
from kedro_asgi.config.runtime_syntax import parse_params
from kedro_asgi.errors import BadConfigException, MissingConfigException

# Kedro's name for it, which projects import.
OmegaConfigLoader = ConfigLoader

__all__ = [
    "AbstractConfigLoader",
    "BadConfigException",
    "Config",
    "ConfigLoader",
    "CustomLoader",
    "LoadedConfig",
    "MissingConfigException",
    "OmegaConfigLoader",
    "Parameters",
    "Template",
    "parse_params",
]

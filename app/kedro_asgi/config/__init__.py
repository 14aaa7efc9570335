"""Configuration: YAML environments, compiled once and evaluated per run."""

from kedro_asgi.config.config import Config as Config
from kedro_asgi.config.custom_loader import CustomLoader as CustomLoader
from kedro_asgi.config.custom_loader import LoadedConfig as LoadedConfig
from kedro_asgi.config.interpolation.parameters import Parameters as Parameters
from kedro_asgi.config.interpolation.template import Template as Template
from kedro_asgi.config.loader import AbstractConfigLoader as AbstractConfigLoader
from kedro_asgi.config.loader import ConfigLoader as ConfigLoader
from kedro_asgi.config.runtime_syntax import parse_params as parse_params
from kedro_asgi.errors import BadConfigException as BadConfigException
from kedro_asgi.errors import MissingConfigException as MissingConfigException

# Kedro's name for it, which projects import.
OmegaConfigLoader = ConfigLoader

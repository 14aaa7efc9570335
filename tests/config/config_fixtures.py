"""Types of the fixtures that write configurations."""

from collections.abc import Callable, Mapping
from pathlib import Path

from kedro_asgi.config import Config

WriteConfig = Callable[[Mapping[str, str]], Path]
MakeConfig = Callable[..., Config]

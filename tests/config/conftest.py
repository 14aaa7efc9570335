"""Configuration sources in temporary folders."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from config_fixtures import MakeConfig, WriteConfig

from kedro_asgi.config import Config


@pytest.fixture
def write_config(tmp_path: Path) -> WriteConfig:
    """Return a function that writes files and returns the configuration source; ``base`` always exists."""

    def write(files: Mapping[str, str]) -> Path:
        source = tmp_path / "conf"
        (source / "base").mkdir(parents=True, exist_ok=True)
        for path, text in files.items():
            (source / path).parent.mkdir(parents=True, exist_ok=True)
            (source / path).write_text(text, encoding="utf-8")
        return source

    return write


@pytest.fixture
def make_config(write_config: WriteConfig) -> MakeConfig:
    """Return a function that writes files and returns their configuration, with Kedro's usual environments.

    A bare name stands for ``base/name.yml``.
    """

    def make(files: Mapping[str, str], **arguments: Any) -> Config:
        source = write_config({path if "/" in path else f"base/{path}.yml": text for path, text in files.items()})
        return Config(source, **{"base_env": "base", "default_run_env": "local", **arguments})

    return make

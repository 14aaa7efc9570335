"""Helpers that write cases of configuration."""

from collections.abc import Mapping
from typing import Any

from both_engines.cases import Case, Deviation, Script

_LOAD = """
from kedro.config import OmegaConfigLoader
arguments = {{"base_env": "base", "default_run_env": "local", **{arguments}}}
loader = OmegaConfigLoader({source}, **arguments)
return {value}
"""

_SOURCE = "str(project.path / 'conf')"


def config(
    rule: str,
    name: str,
    files: Mapping[str, str | None] | None = None,
    *,
    value: str = "loader['parameters']",
    arguments: str = "{}",
    source: str = _SOURCE,
    ours: Mapping[str, Any] | None = None,
    why: str = "",
    **facts: Any,
) -> Case:
    """A case that loads configuration; ``ours`` of a deviation named by ``why``."""
    return Case(
        rule=rule,
        name=name,
        call=Script(body=_LOAD.format(source=source, arguments=arguments, value=value)),
        files={f"conf/{path}": text for path, text in (files or {}).items()},
        compare=("value", "error"),
        deviation=Deviation(why=why, ours=ours) if ours is not None else None,
        **facts,
    )


BASE, LOCAL = "base/parameters.yml", "local/parameters.yml"

CATALOG, GLOBALS = "base/catalog.yml", "base/globals.yml"


def runtime(rule: str, name: str, files: Mapping[str, str], values: str, **facts: Any) -> Case:
    return config(rule, name, files, arguments=f"{{'runtime_params': {values}}}", **facts)

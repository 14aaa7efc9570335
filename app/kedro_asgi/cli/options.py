"""Options and arguments that several commands share."""

import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kedro_asgi.config import parse_params
from kedro_asgi.cores import CORES
from kedro_asgi.errors import KedroAsgiError
from kedro_asgi.project import find_kedro_project

if TYPE_CHECKING:
    _NamesType = click.ParamType[list[str]]
    _VersionsType = click.ParamType[dict[str, str]]
    _ParamsType = click.ParamType[dict[str, Any]]
    _CountType = click.ParamType[int]
    _SizeType = click.ParamType[str]
else:
    # `click.ParamType` is not generic at run time before click 8.4, and the first versions of Kedro need an older one.
    _NamesType = _VersionsType = _ParamsType = _CountType = _SizeType = click.ParamType

_SIZE = re.compile(r"(?P<number>[0-9]{1,15}(\.[0-9]{1,6})?)\s*(?P<unit>([kmgt]i?)?b?)", re.ASCII | re.IGNORECASE)

project_argument = click.argument(
    "project_path",
    metavar="[PATH]",
    required=False,
    type=click.Path(path_type=Path),
    callback=lambda context, parameter, value: project_folder(value, context.params.get("package_name")),
)
package_option = click.option(
    "--package-name",
    envvar="KEDRO_SERVER_PACKAGE_NAME",
    is_eager=True,
    help="Installed package to serve; PATH, by default '.', then holds its configuration and data.",
)
env_option = click.option("-e", "--env", help="Configuration environment; the default is 'local'.")
conf_source_option = click.option(
    "--conf-source",
    help="Folder, archive or URL of the configuration; the default is the project's own.",
    callback=lambda context, parameter, value: conf_source(value),
)


def project_folder(given: Path | None, package_name: str | None = None) -> Path:
    """Return the given folder, else the project around the working directory, else ``KEDRO_PROJECT_PATH``.

    An installed package needs no project, so its folder is the working directory where nothing else is named.
    """
    if given is None and package_name is None and (enclosing := find_kedro_project(Path.cwd())) is not None:
        return enclosing
    named = given or os.environ.get("KEDRO_PROJECT_PATH") or (package_name and Path.cwd())
    if not named:
        raise click.UsageError(
            "There is no Kedro project here: no folder from the working directory upwards holds a pyproject.toml "
            "with a [tool.kedro] section. Name a project, set KEDRO_PROJECT_PATH, or run 'kedro-asgi new'."
        )
    folder = Path(named)
    if not folder.exists():
        raise click.BadParameter(f"Project path '{named}' does not exist.")
    return folder.resolve()


def conf_source(given: str | None) -> str | None:
    """Return a local path as an absolute path, and a URL unchanged."""
    if given is None or "://" in given:
        return given
    path = Path(given).expanduser()
    if not path.exists():
        raise click.BadParameter(f"Path '{given}' does not exist.")
    return str(path.resolve())


class Names(_NamesType):
    """A comma-separated list of names; a comma in brackets belongs to a node's default name."""

    name = "names"

    def convert(self, value: Any, param: Any, ctx: Any) -> list[str]:
        if isinstance(value, list | tuple):
            return list(value)
        parts = re.split(r",\s*(?![^\[]*\])", value)
        return [part.strip() for part in parts if part.strip()]


class WorkerCount(_CountType):
    """A number of processes, or ``auto``: one for each core that this process may use."""

    name = "number|auto"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        if str(value).strip().lower() == "auto":
            return CORES
        count: int = click.IntRange(1).convert(value, param, ctx)
        return count


class Versions(_VersionsType):
    """``dataset:version,…`` as a mapping; a version may contain colons."""

    name = "versions"

    def convert(self, value: Any, param: Any, ctx: Any) -> dict[str, str]:
        if isinstance(value, dict):
            return value
        pairs = [item.strip().partition(":") for item in value.split(",") if item.strip()]
        if any(not (name and version) for name, _, version in pairs):
            self.fail(f"'{value}' is not of the form dataset_name:version,…", param, ctx)
        return {name.strip(): version.strip() for name, _, version in pairs}


class Params(_ParamsType):
    """``key=value,nested.key=value`` as a mapping."""

    name = "params"

    def convert(self, value: Any, param: Any, ctx: Any) -> dict[str, Any]:
        if isinstance(value, dict):
            return value
        try:
            return parse_params(value)
        except KedroAsgiError as error:
            self.fail(str(error), param, ctx)


class Size(_SizeType):
    """A number of bytes such as ``512MiB``, ``2GB`` or ``1000000``, as a text of digits."""

    name = "size"

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        found = _SIZE.fullmatch(str(value).strip())
        if found is None:
            self.fail(f"'{value}' is not a size such as 512MiB, 2GB or 1000000.", param, ctx)
        unit = found["unit"].lower()
        base = 1024 if "i" in unit else 1000
        power = "kmgt".index(unit[0]) + 1 if unit[:1] in tuple("kmgt") else 0
        return str(round(float(found["number"]) * base**power))


class Inputs(_ParamsType):
    """The JSON object in a file, or in standard input for ``-``."""

    name = "file"

    def convert(self, value: Any, param: Any, ctx: Any) -> dict[str, Any]:
        if isinstance(value, dict):
            return value
        try:
            content = sys.stdin.buffer.read() if value == "-" else Path(value).read_bytes()
            inputs = json.loads(content)
        except (OSError, ValueError) as error:
            self.fail(f"'{value}' cannot be read as JSON: {error}", param, ctx)
        if not isinstance(inputs, dict):
            self.fail(f"'{value}' must hold a JSON object of datasets and their values.", param, ctx)
        return inputs


def names_option(*flags: str, help: str) -> Callable[[Any], Any]:
    """Return an option that takes a comma-separated list of names."""
    return click.option(*flags, type=Names(), default=(), help=help)

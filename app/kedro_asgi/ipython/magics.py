"""The line magics ``%reload_kedro`` and ``%load_node``."""

import argparse
import logging
import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from IPython.core.error import UsageError

from kedro_asgi.config import parse_params
from kedro_asgi.errors import KedroAsgiError
from kedro_asgi.failures import failure_sentence
from kedro_asgi.ipython.node_code import find_node, write_node_code
from kedro_asgi.ipython.project_variables import ProjectVariables, open_project
from kedro_asgi.ipython.shell import Shell
from kedro_asgi.project import find_kedro_project

_log = logging.getLogger(__name__)


class ProjectMagics:
    """The magics of one shell, and the project that they have opened."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._project_path: Path | None = None
        self._opened: ProjectVariables | None = None

    def register(self) -> None:
        """Add the magics to the shell."""
        for name, magic in {"reload_kedro": self.reload_kedro, "load_node": self.load_node}.items():
            self._shell.register_magic_function(magic, magic_kind="line", magic_name=name)

    def open_enclosing_project(self) -> None:
        """Open the project around the working directory; a warning tells why there is none."""
        try:
            self.reload_kedro("")
        except UsageError as error:
            _log.warning("%s", error)
        except Exception as error:  # the code of a project may raise anything, and a later reload must be possible
            _log.warning("The project is not open: %s Run %%reload_kedro when it is fixed.", failure_sentence(error))

    def reload_kedro(self, line: str) -> None:
        """%reload_kedro [PATH] [-e ENV] [--conf-source CONF_SOURCE] [--params KEY=VALUE,...]

        Read the code and the configuration of a project, and set the variables context, catalog, pipelines and session.

        PATH is the project's folder. Without it, the project that is open is read again, else the one around the
        working directory. The environment is 'local' by default. CONF_SOURCE is a folder or an archive of
        configuration. The parameters are those of all runs of the session; a run may replace them. If the project
        cannot be read, the variables stay as they are.
        """
        arguments = _reload_parser().parse_args(_arguments(line))
        path = self._path(arguments.path)
        opened = open_project(
            path, env=arguments.env, conf_source=arguments.conf_source, params=_params(arguments.params)
        )
        if self._opened is not None:
            self._opened.session.close()
        self._project_path, self._opened = path, opened
        self._shell.push({name: getattr(opened, name) for name in opened.__struct_fields__})
        names = ", ".join(f"'{name}'" for name in opened.__struct_fields__)
        _log.info("Read the project in %s; the variables are %s.", path, names)

    def load_node(self, line: str) -> None:
        """%load_node NAME

        Put the code of a node into the next cell: what loads its inputs, the imports and definitions that its function
        uses, the function itself, and its call.
        """
        name = " ".join(_arguments(line))
        if not name:
            raise UsageError("Name a node: %load_node NAME")
        if self._opened is None:
            raise UsageError("No project is open: run %reload_kedro PATH first.")
        self._shell.set_next_input(write_node_code(find_node(name, self._opened.pipelines)))

    def _path(self, given: str | None) -> Path:
        path = Path(given).expanduser().resolve() if given else self._project_path or find_kedro_project(Path.cwd())
        if path is None:
            raise UsageError(
                f"No Kedro project is at '{Path.cwd()}' or above it: run %reload_kedro PATH with the project's folder."
            )
        return path


def _arguments(line: str) -> list[str]:
    return shlex.split(line, posix=os.name == "posix")


def _params(text: str | None) -> Mapping[str, Any]:
    try:
        return parse_params(text or "")
    except KedroAsgiError as error:
        raise UsageError(f"--params: {error}") from error


class _Parser(argparse.ArgumentParser):
    """Tells of wrong arguments in one line, and never ends the process."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def _reload_parser() -> _Parser:
    parser = _Parser(prog="%reload_kedro", add_help=False)
    parser.add_argument("path", nargs="?")
    parser.add_argument("-e", "--env")
    parser.add_argument("--conf-source")
    parser.add_argument("--params")
    return parser

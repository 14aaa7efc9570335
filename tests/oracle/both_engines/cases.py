"""Projects and their cases, as data."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

Files = Mapping[str, str | None]


class _Data(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The base of all data that goes to the machines as JSON."""


class Run(_Data, frozen=True, kw_only=True):
    """One run of a session. Its value is the data of the free outputs. ``runner`` is an expression."""

    arguments: Mapping[str, Any] = {}
    create: Mapping[str, Any] = {}
    session: Literal["service", "single"] = "service"
    runner: str | None = None


class Script(_Data, frozen=True, kw_only=True):
    """The body of a function with the argument ``project`` (see `scripting`). Its value is the returned one."""

    body: str


class Ask(_Data, frozen=True, kw_only=True):
    """A request to the HTTP server. Its value is the answer's status, headers and body.

    All requests of a project go to one server, in order.
    """

    method: str = "POST"
    path: str = "/run"
    json: Any = msgspec.UNSET
    raw: str | None = None
    headers: Mapping[str, str] | None = None
    query: Mapping[str, str] = {}


Call = Run | Script | Ask


class Deviation(_Data, frozen=True, kw_only=True):
    """A documented difference: ``why`` names its rule, and ``ours`` holds our result by aspect.

    Our message must contain the text of ``message``.
    """

    why: str
    ours: Mapping[str, Any]


class Case(_Data, frozen=True, kw_only=True):
    """One call on a project, and the aspects of its outcome that are compared.

    ``says`` are parts that the error's message must have on both engines; without them the whole message must be the
    same. ``logs`` are patterns: their matches in log messages are compared. ``files`` replace files of the project;
    ``None`` removes one.
    """

    rule: str
    name: str
    call: Call
    says: tuple[str, ...] = ()
    compare: tuple[str, ...] = ("value", "error", "files")
    logs: tuple[str, ...] = ()
    files: Files = {}
    environ: Mapping[str, str] = {}
    deviation: Deviation | None = None


class Project(_Data, frozen=True, kw_only=True):
    """The files of a project, in which ``{package}`` stands for the package's name, and its cases.

    ``varied`` holds values of runtime parameters; concurrent runs use them in turn.
    """

    name: str
    files: Files
    cases: tuple[Case, ...]
    varied: Mapping[str, tuple[Any, ...]] = {}

    @property
    def package(self) -> str:
        """The name of the package, which no other test uses."""
        return f"made_{self.name}"


class Job(_Data, frozen=True, kw_only=True):
    """The cases of one project that a machine runs in one process and one folder."""

    package: str
    files: Files
    environ: Mapping[str, str]
    cases: tuple[Case, ...]


def pyproject(**more: str) -> str:
    """Return a valid ``pyproject.toml``, with ``more`` lines in Kedro's section."""
    section = {"package_name": '"{package}"', "project_name": '"Made"', "kedro_init_version": '"1.7.0"', **more}
    return "[tool.kedro]\n" + "".join(f"{key} = {value}\n" for key, value in section.items())


def project_files(registry: str, files: Files | None = None) -> Files:
    """Return the files of a valid project with this registry; ``files`` replace some of them."""
    return {
        "pyproject.toml": pyproject(),
        "conf/base/catalog.yml": "",
        "conf/base/parameters.yml": "",
        "conf/local/.gitkeep": "",
        "src/{package}/__init__.py": "",
        "src/{package}/settings.py": "",
        "src/{package}/pipeline_registry.py": registry,
        **(files or {}),
    }

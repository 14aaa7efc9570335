"""What is compared: projects, and cases of them, as data."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

Files = Mapping[str, str | None]


class _Data(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A value that is written down in JSON for the machines."""


class Run(_Data, frozen=True, kw_only=True):
    """One run of a session; its value is what the free outputs load. ``runner`` is an expression."""

    arguments: Mapping[str, Any] = {}
    create: Mapping[str, Any] = {}
    session: Literal["service", "single"] = "service"
    runner: str | None = None


class Script(_Data, frozen=True, kw_only=True):
    """The body of a function of ``project`` (see `scripting`), in Kedro's words; its value is what it returns."""

    body: str


class Ask(_Data, frozen=True, kw_only=True):
    """A request to the HTTP server; its value is status, headers and body of the answer.

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
    """Why ours differs, by the number of the quirk or the rule, and what ours gives by aspect.

    For ``message`` it is enough that the text holds what is given here.
    """

    why: str
    ours: Mapping[str, Any]


class Case(_Data, frozen=True, kw_only=True):
    """Something to do with a project, and which aspects of what comes of it are compared.

    ``says`` are parts of the error's message that both must hold; without them the whole message must be the same.
    ``logs`` are patterns: what they match of messages is compared. ``files`` lie over those of the project, where
    ``None`` takes one away.
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
    """A project by its files, in which ``{package}`` stands for the package's name, and the cases of it.

    ``varied`` holds values for runtime parameters; the concurrent runs take one of each in turn.
    """

    name: str
    files: Files
    cases: tuple[Case, ...]
    varied: Mapping[str, tuple[Any, ...]] = {}

    @property
    def package(self) -> str:
        """The name of the package; no test outside of this suite uses it."""
        return f"made_{self.name}"


class Job(_Data, frozen=True, kw_only=True):
    """What a machine does in one process: cases of one project in one folder."""

    package: str
    files: Files
    environ: Mapping[str, str]
    cases: tuple[Case, ...]


def pyproject(**more: str) -> str:
    """Return a ``pyproject.toml`` that is as it should be, with ``more`` lines in its section."""
    section = {"package_name": '"{package}"', "project_name": '"Made"', "kedro_init_version": '"1.7.0"', **more}
    return "[tool.kedro]\n" + "".join(f"{key} = {value}\n" for key, value in section.items())


def project_files(registry: str, files: Files | None = None) -> Files:
    """Return the files of a sound project around a registry; ``files`` come over them."""
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

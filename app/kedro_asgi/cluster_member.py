"""The project of a Dask worker, as work that runs there finds it, and whether it is that of the sender."""

import sys
import threading
from collections.abc import Iterable, Iterator
from hashlib import sha256
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

from kedro_asgi.config.sources import open_source
from kedro_asgi.errors import MemberMismatchError, NotPreloadedError
from kedro_asgi.outcome import Outcome
from kedro_asgi.plan import Planner

EXTENSION = "kedro-asgi"
"""The name under which a Dask worker has its `ClusterMember`."""

_PRIVATE = "local"
_LABELS = {
    "kedro_asgi": "kedro-asgi {theirs} instead of {ours}",
    "python": "Python {theirs} instead of {ours}",
    "package": "the package '{theirs}' instead of '{ours}'",
    "sources": "other source files of the package",
    "configuration": "other files of configuration",
}


class MemberFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The facts that a worker and the sender of its work have in common.

    ``python`` is the minor version. ``sources`` is a digest of the project's Python files, and ``configuration`` one of
    the files of the base environment and of the selected one. The environment ``local`` does not count: it is meant to
    differ between machines.
    """

    kedro_asgi: str
    python: str
    package: str
    sources: str
    configuration: str

    @classmethod
    def of(cls, planner: Planner) -> "MemberFacts":
        """Return the facts of an open project; reads its files."""
        package = planner.project.package_name
        return cls(
            kedro_asgi=version("kedro-asgi"),
            python=f"{sys.version_info.major}.{sys.version_info.minor}",
            package=package,
            sources=_digest(_source_files(package)),
            configuration=_digest(_configuration_files(planner)),
        )

    def differences(self, sender: "MemberFacts") -> list[str]:
        """Return in words how a worker with these facts differs from a sender with others."""
        ours, theirs = msgspec.structs.asdict(sender), msgspec.structs.asdict(self)
        return [
            f"it has {label.format(ours=ours[name], theirs=theirs[name])}"
            for name, label in _LABELS.items()
            if ours[name] != theirs[name]
        ]


class ClusterMember:
    """A Dask worker that has opened the project; thread-safe.

    ``opened`` is a `KedroServiceSession`, or the error of opening the project, which each use raises.
    """

    def __init__(self, address: str, opened: Outcome[Any]) -> None:
        self.address = address
        self._opened = opened
        self._lock = threading.Lock()
        self._facts = None if opened.error is not None else MemberFacts.of(opened.value().engine.planner)
        self._reloads: dict[str, str] = {}

    @property
    def session(self) -> Any:
        """The session of the project, a `KedroServiceSession`; raises the error of opening it."""
        if self._opened.error is not None:
            raise self._error()
        return self._opened.value()

    @property
    def facts(self) -> MemberFacts:
        """The facts of the project as it is loaded; raises the error of opening it."""
        if self._facts is None:
            raise self._error()
        return self._facts

    def _error(self) -> BaseException:
        # Without the calls of earlier uses, which would stay in memory with all their values.
        return (self._opened.error or NotPreloadedError(self.address)).with_traceback(None)

    def close(self) -> None:
        """Close the session; it may still run again."""
        if self._opened.error is None:
            self.session.close()

    def check(self, sender: MemberFacts) -> None:
        """Raise `MemberMismatchError` unless this worker has what the sender has.

        A worker whose configuration differs reads its files again first: the sender may have reloaded its own.
        """
        if self.facts == sender:
            return
        with self._lock:
            self._catch_up(sender)
        if differences := self.facts.differences(sender):
            raise MemberMismatchError(self.address, differences)

    def reload_for(self, sender: str, reload: str) -> None:
        """Read configuration and artifacts again if the sender has done so since its last work; raises its errors.

        ``reload`` names the last reload of the sender; it is empty before the first one.
        """
        if self._reloads.get(sender, "") == reload:
            return
        with self._lock:
            if self._reloads.get(sender, "") != reload:
                self._reload()
                self._reloads[sender] = reload

    def _catch_up(self, sender: MemberFacts) -> None:
        found = MemberFacts.of(self.session.engine.planner)
        if found.configuration == sender.configuration != self.facts.configuration:
            self._reload()

    def _reload(self) -> None:
        self.session.reload()
        found = MemberFacts.of(self.session.engine.planner)
        # Sources stay as they were imported.
        self._facts = msgspec.structs.replace(self.facts, configuration=found.configuration)


def current_member() -> ClusterMember:
    """Return the project of the Dask worker that runs this code; raises `NotPreloadedError`."""
    from distributed import get_worker

    worker = get_worker()
    member = worker.extensions.get(EXTENSION)
    if not isinstance(member, ClusterMember):
        raise NotPreloadedError(worker.address)
    return member


def _digest(files: Iterable[tuple[str, bytes]]) -> str:
    digest = sha256()
    for name, content in files:
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def _source_files(package: str) -> Iterator[tuple[str, bytes]]:
    spec = find_spec(package)
    for folder in map(Path, (spec and spec.submodule_search_locations) or ()):
        for path in sorted(folder.rglob("*.py")):
            yield path.relative_to(folder).as_posix(), path.read_bytes()


def _configuration_files(planner: Planner) -> Iterator[tuple[str, bytes]]:
    if "://" in (where := str(planner.conf_source)):
        # Both read the same files.
        yield where, b""
        return
    source = open_source(planner.conf_source)
    base = planner.project.settings.config_loader_args.get("base_env") or ""
    for environment in dict.fromkeys((base, planner.effective_env)):
        if environment != _PRIVATE and source.has_folder(environment):
            paths = [f"{environment}/{file}".lstrip("/") for file in source.files(environment)]
            # Without a base environment, its files are those of all folders.
            yield from ((path, source.read(path)) for path in paths if not path.startswith(f"{_PRIVATE}/"))

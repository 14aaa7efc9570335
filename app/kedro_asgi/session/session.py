"""A session for one run, which saves a record."""

import logging
import subprocess
import sys
import traceback
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, Unpack

import click

from kedro_asgi.errors import SessionStoreError, SessionUsedError
from kedro_asgi.errors.wording import class_path
from kedro_asgi.events import Emit
from kedro_asgi.run_arguments import RunArguments
from kedro_asgi.runner import AbstractRunner
from kedro_asgi.runs import RunSpec, RuntimeParams
from kedro_asgi.session.abstract_session import AbstractSession
from kedro_asgi.session.context import KedroContext
from kedro_asgi.session.engine import Engine
from kedro_asgi.session.engine_run import EngineRun
from kedro_asgi.session.positional import AFTER_PIPELINE_NAMES, by_name
from kedro_asgi.session.store import BaseSessionStore

_log = logging.getLogger(__name__)


class KedroSession(AbstractSession):
    """One successful run of a project; its ``session_id`` is the run id and the save version (SES-20).

    ``store`` holds the record of the session; `close` saves it when ``save_on_close`` is set. ``emit``, if it is set,
    is called with the events of the run, in the threads of the run, and must not raise.
    """

    emit: Emit | None = None

    def __init__(
        self, engine: Engine, *, session_id: str, store: BaseSessionStore, save_on_close: bool = False
    ) -> None:
        self.session_id = session_id
        self.save_on_close = save_on_close
        self.engine = engine
        self._store = store
        self._is_completed = False

    @classmethod
    def create(
        cls,
        project_path: str | Path | None = None,
        save_on_close: bool = True,
        env: str | None = None,
        runtime_params: Mapping[str, Any] | None = None,
        conf_source: str | Path | None = None,
    ) -> Self:
        """Open a project for one run; the raised errors are those of `Engine.open` and of the store."""
        engine = Engine.open(session_type=cls.__name__, project_path=project_path, env=env, conf_source=conf_source)
        session_id = engine.run_ids.next()
        store = _create_store(engine, session_id)
        store.update(_record(engine, session_id, runtime_params))
        return cls(engine, session_id=session_id, store=store, save_on_close=save_on_close)

    @property
    def store(self) -> dict[str, Any]:
        """The record, as a shallow copy."""
        return dict(self._store)

    def load_context(self) -> KedroContext:
        """Return a new context on every call."""
        return self.engine.load_context(self._runtime())

    def run(
        self,
        pipeline_name: str | None = None,
        pipeline_names: Iterable[str] | None = None,
        *positional: Any,
        runner: AbstractRunner | None = None,
        **arguments: Unpack[RunArguments],
    ) -> dict[str, Any]:
        """Run pipelines once and return their free outputs by name, as datasets.

        ``inputs`` replaces datasets for this run; the other arguments may come by position, in Kedro's order. Raises
        `SessionUsedError` where a runner has finished before, also if a hook failed after it (SES-19), otherwise what
        the run raised.
        """
        if self._is_completed:
            raise SessionUsedError(type(self).__name__)
        if pipeline_name:
            _log.warning("'pipeline_name' is deprecated: use 'pipeline_names', which takes a list.")
            pipeline_names = [pipeline_name]
        runtime_params = self._store.get("runtime_params")
        given = by_name(positional, {"runner": runner, **arguments}, order=AFTER_PIPELINE_NAMES)
        runner = given.pop("runner")
        spec = RunSpec.of(pipeline_names, runtime_params=runtime_params, **given)
        run = EngineRun(
            spec=spec,
            run_id=self.session_id,
            runner=runner,
            runtime=self._runtime(),
            emit=self.emit,
            runner_ended=self._complete,
        )
        return self.engine.run(run).result

    def _complete(self) -> None:
        self._is_completed = True

    def close(self) -> None:
        """Save the record when ``save_on_close`` is set; every call saves again."""
        self.engine.close()
        if self.save_on_close:
            self._store.save()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._store["exception"] = _description(error)
        self.close()

    def _runtime(self) -> RuntimeParams:
        """The caller writes the configuration too: no literals, and no type guard but the project's own (CFG-35)."""
        values = self._store.get("runtime_params") or {}
        planner = self.engine.planner
        return RuntimeParams(
            values=values,
            literal=False,
            restrict_type_selection=planner.restricts_type_selection,
            allowed_paths=planner.project.options.allowed_paths,
        )


def _create_store(engine: Engine, session_id: str) -> BaseSessionStore:
    settings = engine.planner.project.settings
    kind = engine.classes.store
    arguments = {"path": (engine.planner.project_path / "sessions").as_posix(), **settings.session_store_args}
    path = class_path(kind)
    try:
        store: BaseSessionStore = kind(session_id=session_id, **arguments)
    except TypeError as error:
        raise SessionStoreError(
            f"Store config must only contain arguments valid for the constructor of '{path}'. ({error})"
        ) from error
    except Exception as error:
        raise SessionStoreError(f"Failed to instantiate session store of type '{path}'. ({error})") from error
    return store


def _record(engine: Engine, session_id: str, runtime_params: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the record of a session that opens, without empty and unknown facts."""
    path = engine.planner.project_path
    facts = {
        "env": engine.planner.env,
        "runtime_params": dict(runtime_params or {}),
        "username": _username(),
        "git": _git(path),
        "cli": _cli(),
    }
    return {"project_path": path, "session_id": session_id, **{k: v for k, v in facts.items() if v}}


def _username() -> str | None:
    # A service has no record of sessions.
    import getpass

    try:
        return getpass.getuser()
    except Exception as error:  # the libraries of the system raise several classes
        _log.debug("Unable to get username. Full exception: %s", error)
        return None


def _git(folder: Path) -> dict[str, Any] | None:
    commit = _run_git(folder, "rev-parse", "--short", "HEAD")
    if commit is None:
        return None
    return {"commit_sha": commit, "dirty": bool(_run_git(folder, "status", "--short"))}


def _run_git(folder: Path, *arguments: str) -> str | None:
    try:
        result = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        _log.debug("Unable to git describe %s", folder, exc_info=True)
        return None
    return result.stdout.strip()


def _cli() -> dict[str, Any] | None:
    context = click.get_current_context(silent=True)
    if context is None:
        return None
    return {
        "args": context.args,
        "params": context.params,
        "command_name": context.command.name,
        "command_path": " ".join(["kedro-asgi", *sys.argv[1:]]),
    }


def _description(error: BaseException) -> dict[str, Any]:
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else class_path(kind)
    return {"type": name, "value": str(error), "traceback": traceback.format_tb(error.__traceback__)}

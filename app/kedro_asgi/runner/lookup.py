"""Find the runner class that a request names, within the allowlist."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any

from kedro_asgi.bridge import is_kedro_class, is_kedro_imported
from kedro_asgi.errors import NotARunnerError, RunnerNotAllowedError, UnknownRunnerError
from kedro_asgi.runner.kedro import KedroRunner
from kedro_asgi.runner.runner import AbstractRunner
from kedro_asgi.runner.task import Task

MakeRunner = Callable[..., AbstractRunner]

# Kedro's has two abstract methods, as the answer to a request that names it says (SRV-26).
_ABSTRACT = type("AbstractRunner", (AbstractRunner,), {"_run": abstractmethod(AbstractRunner._run)})
# In Kedro, their modules have the same names.
_MODULES: Mapping[str, str] = {
    "DaskRunner": "dask_runner",
    "ParallelRunner": "parallel_runner",
    "SequentialRunner": "sequential_runner",
    "ThreadRunner": "thread_runner",
}
_NOT_KEDROS = {"DaskRunner"}
_OURS = "kedro_asgi.runner"
_KEDROS = "kedro.runner"


def find_runner(path: str | None, *, package_name: str, allowlist: Iterable[str] = ()) -> MakeRunner:
    """Return a callable that makes a runner of the class at ``path``; ``None`` is the sequential runner.

    A path is dotted; a bare name, or one below ``kedro.runner``, means our class of that name. Nothing outside
    ``kedro_asgi.runner``, ``kedro.runner``, the project's package and ``allowlist`` is imported:
    `RunnerNotAllowedError`. Raises ``AttributeError`` or ``ModuleNotFoundError`` for what is not there, and
    `NotARunnerError`.
    """
    module = (path or "").rpartition(".")[0]
    if module and not _is_allowed(module, (_OURS, _KEDROS, package_name, *allowlist)):
        raise RunnerNotAllowedError(module)
    return load_runner(path or "SequentialRunner")


def load_runner(path: str) -> MakeRunner:
    """Return a callable that makes a runner of ``path``, wherever it is: for callers that may run any code."""
    module, _, name = path.rpartition(".")
    found = _find(module or _KEDROS, name)
    if isinstance(found, type) and issubclass(found, AbstractRunner):
        return found
    if isinstance(found, type) and is_kedro_class(found, "AbstractRunner"):
        return lambda **arguments: KedroRunner(found(**arguments))
    raise NotARunnerError(path)


def as_our_runner(runner: object) -> AbstractRunner | None:
    """Return ``runner`` if it is ours, the equivalent of ours if it is Kedro's, else ``None``."""
    kind = type(runner)
    if isinstance(runner, AbstractRunner):
        return runner
    if not is_kedro_class(kind, "AbstractRunner"):
        return None
    if kind.__module__.partition(".")[0] != "kedro":
        return KedroRunner(runner)
    given = {name: getattr(runner, f"_{name}", None) for name in ("max_workers", "is_async")}
    same: AbstractRunner = _built_in(kind.__name__)(**{name: value for name, value in given.items() if value})
    return same


def runner_path(runner: AbstractRunner) -> str:
    """Return a runner's class path, as hooks see it (Q-34); in Kedro's projects in Kedro's form.

    Plugins look for Kedro's classes in it, such as kedro-viz, which follows sequential runs only.
    """
    kind = type(getattr(runner, "kedro_runner", runner))
    module = kind.__module__
    if is_kedro_imported():
        if kind.__name__ in _MODULES.keys() - _NOT_KEDROS:
            module = module.replace(f"{_OURS}.", f"{_KEDROS}.", 1)
        return f"<{module}.{kind.__qualname__} object>"
    return f"{module}.{kind.__qualname__}"


def _is_allowed(module: str, prefixes: Iterable[str]) -> bool:
    return any(module == prefix or module.startswith(f"{prefix}.") for prefix in prefixes)


def _find(module: str, name: str) -> object:
    if _is_allowed(module, (_OURS, _KEDROS)):
        found = _built_in(name)
        if found is None and not name.startswith("__"):
            raise UnknownRunnerError(module, name, known=_MODULES)
        return found
    found = import_module(module)
    if not hasattr(found, name):
        known = [key for key, value in vars(found).items() if isinstance(value, type)]
        raise UnknownRunnerError(module, name, known=known)
    return getattr(found, name)


def _built_in(name: str) -> Any:
    """Return our class of that name; only the modules of the runner that is asked for are imported."""
    match name:
        case "AbstractRunner":
            return _ABSTRACT
        case "Task":
            return Task
        case _ if name in _MODULES:
            return getattr(import_module(f"{_OURS}.{_MODULES[name]}"), name)
    return None

"""Find the runner class that a request names, within the allowlist (SRV-25)."""

from collections.abc import Iterable
from importlib import import_module

from kedro_asgi.errors import NotARunnerError, RunnerNotAllowedError, UnknownRunnerError
from kedro_asgi.runner.base import AbstractRunner
from kedro_asgi.runner.parallel import ParallelRunner
from kedro_asgi.runner.sequential import SequentialRunner
from kedro_asgi.runner.task import Task
from kedro_asgi.runner.thread import ThreadRunner

_BUILTIN = {found.__name__: found for found in (AbstractRunner, ParallelRunner, SequentialRunner, Task, ThreadRunner)}
_OURS = "kedro_asgi.runner"
_KEDROS = "kedro.runner"


def find_runner(path: str | None, *, package_name: str, allowlist: Iterable[str] = ()) -> type[AbstractRunner]:
    """Return the class at ``path``: a bare name or a dotted path; ``None`` is the sequential runner.

    Names below ``kedro.runner`` mean our class of that name. Nothing outside ``kedro_asgi.runner``,
    ``kedro.runner``, the project's package and ``allowlist`` is imported: `RunnerNotAllowedError`. Raises
    ``AttributeError`` or ``ModuleNotFoundError`` for what is not there, and `NotARunnerError`.
    """
    module = (path or "").rpartition(".")[0]
    if module and not _is_allowed(module, (_OURS, _KEDROS, package_name, *allowlist)):
        raise RunnerNotAllowedError(module)
    return load_runner(path or "SequentialRunner")


def load_runner(path: str) -> type[AbstractRunner]:
    """Return the class at ``path``, wherever it is: for callers who may run any code anyway (SRV-63)."""
    module, _, name = path.rpartition(".")
    found = _find(module or _KEDROS, name)
    if not (isinstance(found, type) and issubclass(found, AbstractRunner)):
        raise NotARunnerError(path)
    return found


def _is_allowed(module: str, prefixes: Iterable[str]) -> bool:
    return any(module == prefix or module.startswith(f"{prefix}.") for prefix in prefixes)


def _find(module: str, name: str) -> object:
    if _is_allowed(module, (_OURS, _KEDROS)):
        if name not in _BUILTIN and not name.startswith("__"):
            raise UnknownRunnerError(module, name)
        return _BUILTIN.get(name)
    return getattr(import_module(module), name)

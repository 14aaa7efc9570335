"""Errors of runners and worker processes."""

from collections.abc import Iterable

from kedro_asgi.errors.base import KedroAsgiError, ReportedAsBase, error_type
from kedro_asgi.errors.io import INPUT_HINT, DatasetError
from kedro_asgi.errors.wording import braced, close_matches, describe_ending, suggestion

_MAIN_GUARD_HINT = (
    " It ended before it was ready. If your script starts the run, it must do so below "
    "'if __name__ == \"__main__\":', because worker processes import the script."
)


class RunnerNotAllowedError(ReportedAsBase, ValueError):
    """A request names a runner from a module outside the allowlist."""

    def __init__(self, module: str) -> None:
        self.module = module
        super().__init__(
            f"Runner module '{module}' is not allowed. Only 'kedro.runner', the project package, or modules "
            "listed in 'RUNNER_MODULE_ALLOWLIST' via settings.py are permitted."
        )


class UnknownRunnerError(ReportedAsBase, AttributeError):
    """A request names a runner that does not exist."""

    def __init__(self, module: str, name: str, known: Iterable[str] = ()) -> None:
        self.matches = close_matches(name, known)
        super().__init__(f"module '{module}' has no attribute '{name}'{suggestion(self.matches, stop='.')}")


class NotARunnerError(ReportedAsBase, ValueError):
    """A request names something that is no runner."""

    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(
            f"Runner '{path}' is not a subclass of AbstractRunner. Only AbstractRunner subclasses are permitted."
        )


class UnmetInputsError(ReportedAsBase, ValueError):
    """The catalog has no dataset for some free inputs of a pipeline."""

    def __init__(self, names: Iterable[str], catalog_type: str) -> None:
        self.names = frozenset(names)
        super().__init__(f"Pipeline input(s) {braced(self.names)} not found in the {catalog_type}.{INPUT_HINT}")


class AsyncGeneratorNodeError(ReportedAsBase, ValueError):
    """``is_async`` cannot save the outputs of a generator node."""

    def __init__(self, node: str) -> None:
        self.node = node
        super().__init__(
            "Async data loading and saving does not work with nodes wrapping generator functions. "
            f"Run node '{node}' without 'is_async'."
        )


class UnpicklableNodesError(ReportedAsBase, AttributeError):
    """The functions of some nodes cannot be sent to a worker process."""

    def __init__(self, nodes: Iterable[str]) -> None:
        self.nodes = list(nodes)
        super().__init__(
            f"The following nodes cannot be serialised: [{', '.join(self.nodes)}]. A function that runs in another "
            "process must be importable: defined at the top of a module, and no lambda."
        )


class SingleProcessDatasetsError(ReportedAsBase, AttributeError):
    """Some datasets cannot be sent to a worker process."""

    def __init__(self, datasets: Iterable[str]) -> None:
        self.datasets = list(datasets)
        super().__init__(
            f"The following datasets cannot be used with multiprocessing: {self.datasets}. Their classes cannot be "
            "pickled, or set _SINGLE_PROCESS to say that they work in one process only."
        )


class UnserialisableDataError(ReportedAsBase, DatasetError):
    """An input or an output of a node cannot be sent to or from a worker process."""

    def __init__(self, dataset: str, kind: type, node: str) -> None:
        self.dataset, self.node = dataset, node
        super().__init__(
            f"{dataset}: {kind} cannot be serialised. ParallelRunner implicit memory datasets can only be used with "
            f"serialisable data, and node '{node}' runs in another process."
        )


class RemoteNodeError(KedroAsgiError):
    """A node in a worker process raised an error that cannot be pickled; ``error_type`` is its name."""

    def __init__(self, error: BaseException) -> None:
        self.error_type = error_type(error)
        super().__init__(
            f"{self.error_type}: {error} (an error of this class cannot be sent between processes: it takes other "
            "arguments than those that it passes to Exception)"
        )


class WorkerImportError(ReportedAsBase, AttributeError):
    """A worker process cannot import a node, or the data for it."""

    def __init__(self, error: Exception) -> None:
        super().__init__(
            f"{error_type(error)}: {error} (a function that runs in another process, and the classes of its inputs, "
            "must be importable there: do not define them in a notebook, nor in the script that starts the run)"
        )


class UnreadableResultError(ReportedAsBase, DatasetError):
    """This process cannot unpickle the result of a worker process."""

    def __init__(self, node: str, error: Exception) -> None:
        self.node = node
        super().__init__(
            f"This process cannot read the result that node '{node}' returned in another process: "
            f"{error_type(error)}: {error}"
        )


class WorkerDiedError(KedroAsgiError, RuntimeError):
    """A worker process ended while it ran a node: killed, out of memory, or by a call that ends processes.

    ``exit_code`` is negative for a signal; ``None`` if it is unknown.
    """

    kedro_type = "BrokenProcessPool"

    def __init__(self, node: str, *, exit_code: int | None, was_ready: bool) -> None:
        self.node, self.exit_code = node, exit_code
        hint = "" if was_ready or exit_code != 1 else _MAIN_GUARD_HINT
        super().__init__(
            f"A worker process ended abruptly while node '{node}' was running: {describe_ending(exit_code)}.{hint}"
        )

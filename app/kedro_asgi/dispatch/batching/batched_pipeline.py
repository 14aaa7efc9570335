"""A pipeline whose runs are to be joined: whether they are, and why not."""

from kedro_asgi.batching_options import BatchingOptions
from kedro_asgi.batching_state import BatchingState
from kedro_asgi.dispatch.safe_logging import SafeLogger

_log = SafeLogger(__name__)

_MOST_USELESS = 3


class BatchedPipeline:
    """The state of one pipeline. Belongs to one event loop.

    ``is_checked``: the options fit the project as it is now. ``problem`` says why runs are not joined.
    """

    def __init__(self, name: str, options: BatchingOptions) -> None:
        self.name = name
        self.options = options
        self.inputs = frozenset(options.inputs)
        self.outputs = frozenset(options.outputs)
        self.is_checked = False
        self.problem: str | None = None
        self.is_proven = False
        """Whether a batch has given each of its runs what the run has given alone."""
        self._useless_batches = 0

    @property
    def state(self) -> BatchingState:
        """Whether runs are joined, will be once they are checked, or are not."""
        if self.problem is not None:
            return "refused"
        return "batched" if self.is_checked else "unchecked"

    def refuse(self, problem: str) -> None:
        """Join no more runs, for this reason."""
        if self.problem is None:
            self.problem = problem
            _log.warning("Runs of pipeline '%s' are not batched: %s", self.name, problem)

    def project_changed(self) -> None:
        """The project was read again: what was found about the pipeline holds no more."""
        self.is_checked, self.is_proven, self.problem, self._useless_batches = False, False, None, 0

    def batch_succeeded(self, *, is_proven: bool) -> None:
        """A batch of several runs has ended; ``is_proven``: it gave each run what the run has given alone."""
        self._useless_batches = 0
        self.is_proven = self.is_proven or is_proven

    def batch_failed(self, *, is_run_at_fault: bool) -> None:
        """A batch failed, and each of its runs was executed alone; ``is_run_at_fault``: one of them failed, too."""
        self._useless_batches = 0 if is_run_at_fault else self._useless_batches + 1
        if self._useless_batches >= _MOST_USELESS:
            self.refuse(f"{_MOST_USELESS} batches in a row failed, and each of their runs succeeded alone.")

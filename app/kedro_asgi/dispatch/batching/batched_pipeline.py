"""A pipeline whose runs are to be joined: whether they are, and why not."""

from collections.abc import Hashable

from kedro_asgi.batching_options import BatchingOptions
from kedro_asgi.batching_state import BatchingState
from kedro_asgi.bounded_cache import BoundedCache
from kedro_asgi.dispatch.batching.proof import Proof
from kedro_asgi.dispatch.batching.rules import BatchingRules
from kedro_asgi.dispatch.safe_logging import SafeLogger

_log = SafeLogger(__name__)

_MOST_USELESS = 3
# Callers choose slices, parameters and outputs.
_MAX_PROOFS = 256


class BatchedPipeline:
    """The state of one pipeline in one reading of the project. Belongs to one event loop.

    ``is_checked``: the options fit the project. ``problem`` says why runs are not joined.
    """

    def __init__(
        self,
        name: str,
        options: BatchingOptions,
        *,
        rules: BatchingRules,
        is_checked: bool = False,
        problem: str | None = None,
    ) -> None:
        self.name = name
        self.options = options
        self.rules = rules
        self.inputs = frozenset(options.inputs)
        self.outputs = frozenset(options.outputs)
        self.problem: str | None = None
        self._is_checked = is_checked
        self._proofs: BoundedCache[Hashable, Proof] = BoundedCache(_MAX_PROOFS)
        self._useless_batches = 0
        if problem is not None:
            self.refuse(problem)

    @property
    def state(self) -> BatchingState:
        """Whether runs are joined, will be once they are checked, or are not."""
        if self.problem is not None:
            return "refused"
        return "batched" if self._is_checked else "unchecked"

    def proof(self, computation: Hashable) -> Proof:
        """Return the proof for runs that differ in nothing but their rows."""
        found = self._proofs.get(computation)
        return self._proofs.add(computation, Proof()) if found is None else found

    def refuse(self, problem: str) -> None:
        """Join no more runs, for this reason."""
        if self.problem is None:
            self.problem = problem
            _log.warning("Runs of pipeline '%s' are not batched: %s", self.name, problem)

    def retire(self) -> None:
        """The project was read again: another value stands for the pipeline."""
        self.problem = self.problem or "The project was read again."

    def batch_succeeded(self) -> None:
        """A batch of several runs has ended."""
        self._useless_batches = 0

    def batch_failed(self, *, is_run_at_fault: bool) -> None:
        """A batch failed and was executed again in parts; ``is_run_at_fault``: a run failed alone, too."""
        self._useless_batches = 0 if is_run_at_fault else self._useless_batches + 1
        if self._useless_batches >= _MOST_USELESS:
            what = "each of their runs succeeded in a smaller batch or alone"
            self.refuse(f"{_MOST_USELESS} batches in a row failed, and {what}.")

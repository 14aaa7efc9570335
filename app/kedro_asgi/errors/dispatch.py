"""Errors of runs as resources: stopped runs, refused requests."""

import math
from collections.abc import Iterable
from typing import ClassVar

from kedro_asgi.errors.base import KedroAsgiError
from kedro_asgi.errors.wording import close_matches, describe_ending, mebibytes, quoted, shortened, suggestion


class RunStoppedError(KedroAsgiError):
    """A run was stopped before its end; raised within the run, between its nodes or where a node awaits."""

    status: ClassVar[str] = "cancelled"


class RunCancelledError(RunStoppedError):
    """A run was cancelled."""

    def __init__(self, reason: str = "The run was cancelled.") -> None:
        super().__init__(reason)


class RunTimedOutError(RunStoppedError):
    """A run took longer than its time limit."""

    status = "timed_out"

    def __init__(self, timeout_seconds: float) -> None:
        self.timeout_seconds = timeout_seconds
        super().__init__(f"The run took longer than {timeout_seconds:g} seconds.")


class RunInterruptedError(RunStoppedError):
    """The server of a run ended before the run, or it does not have the run any more."""

    status = "interrupted"

    def __init__(self, reason: str = "The server that had the run ended before the run did.") -> None:
        super().__init__(reason)


class DispatchError(KedroAsgiError):
    """Root of all errors about accepting, finding and storing runs."""


class QueueFullError(DispatchError):
    """As many runs are running and queued as the policy allows; try again after ``retry_after_seconds``.

    ``queued_bytes`` is the size of the queued orders where that is the reason.
    """

    def __init__(self, *, running: int, queued: int, retry_after_seconds: int, queued_bytes: int | None = None) -> None:
        self.running, self.queued, self.retry_after_seconds = running, queued, retry_after_seconds
        self.queued_bytes = queued_bytes
        size = "" if queued_bytes is None else f", and hold {queued_bytes} bytes"
        super().__init__(
            f"{running} runs are running and {queued} are queued{size}: the server accepts no more for now."
        )


class DrainingError(DispatchError):
    """The server is shutting down and accepts no runs."""

    def __init__(self) -> None:
        super().__init__("The server is shutting down and accepts no further runs.")


class NoThreadError(DispatchError):
    """A run cannot start, because the system refuses the process another thread."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"No thread can start for the run: {reason}. The system limits the threads of this process.")


class NoProcessError(DispatchError):
    """A run cannot start, because the system refuses the server another process."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"No process can start for the run: {reason}")


class RunCrashedError(DispatchError, RuntimeError):
    """The process of a run ended before the run: by a signal, by a call that ends processes, or killed from outside.

    ``exit_code`` is negative for a signal, and ``None`` if it is unknown; ``node`` is the node that was at work. If the
    process ``is_cut_off``, it has closed its connection to the server, which has killed it for that.
    """

    def __init__(
        self, *, exit_code: int | None, node: str | None = None, was_ready: bool = True, is_cut_off: bool = False
    ) -> None:
        self.exit_code, self.node = exit_code, node
        where = f" in node '{node}'" if node is not None else ""
        when = "" if was_ready else " before it had opened the project"
        why = "the server killed it, as it had closed its connection"
        super().__init__(
            f"The process of the run ended{where}{when}: {why if is_cut_off else describe_ending(exit_code)}."
        )


class RunMemoryError(RunCrashedError):
    """The process of a run held more memory than a run may; it was killed. ``node`` is the node that was at work."""

    def __init__(self, *, limit_bytes: int, used_bytes: int, node: str | None = None) -> None:
        self.exit_code, self.node = None, node
        self.limit_bytes, self.used_bytes = limit_bytes, used_bytes
        where = f" in node '{node}'" if node is not None else ""
        KedroAsgiError.__init__(
            self,
            f"The run held {mebibytes(used_bytes)} of memory{where}, and a run may hold {mebibytes(limit_bytes)}: "
            "its process was killed.",
        )


class PipelineCrashingError(DispatchError):
    """The last runs of a pipeline crashed their processes; try again after ``retry_after_seconds``."""

    def __init__(self, pipeline_names: Iterable[str], *, crashes: int, retry_after_seconds: float) -> None:
        self.pipeline_names, self.crashes = tuple(pipeline_names), crashes
        self.retry_after_seconds = max(1, math.ceil(retry_after_seconds))
        super().__init__(
            f"The last {crashes} runs of {quoted(self.pipeline_names)} crashed their processes: the server refuses "
            f"further ones for {self.retry_after_seconds} seconds."
        )


class UnsendableValueError(DispatchError, TypeError):
    """A value of a run cannot be sent to or from the run's process: it cannot be pickled, or not be read there."""

    def __init__(self, what: str, problem: str) -> None:
        super().__init__(
            f"{what} cannot be sent between the server and the process of the run: {problem}. Execute the pipeline in "
            "threads (executor 'thread'), or give a value that can be pickled and whose class can be imported."
        )


class ServiceOpenError(DispatchError):
    """The caller opens a dispatcher that is open already."""

    def __init__(self) -> None:
        super().__init__(
            "The dispatcher is open already: in another block, or because an earlier call opened it until its event "
            "loop ends. Enter the block before the first call, or make another Dispatcher."
        )


class PolicyError(DispatchError, ValueError):
    """The policy of a dispatcher has an invalid value."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"The run policy is invalid: {problem}")


class ScheduleNotFoundError(DispatchError, LookupError):
    """There is no schedule of this name, or its caller may not see it."""

    def __init__(self, name: str, known: Iterable[str] = ()) -> None:
        self.name = name
        super().__init__(f"There is no schedule '{shortened(name, 100)}'.{suggestion(close_matches(name, known))}")


class WebhookError(DispatchError, ValueError):
    """A webhook of the configuration cannot be used."""

    def __init__(self, webhook: str, problem: str) -> None:
        self.webhook = webhook
        super().__init__(f"The webhook 'notify.{webhook}' cannot be used: {problem}.")


class NotificationNotFoundError(DispatchError, LookupError):
    """The store has no notification of that id: it may have been delivered, or deleted with its run."""

    def __init__(self, notification_id: str) -> None:
        self.notification_id = notification_id
        super().__init__(f"There is no notification '{notification_id}'; one that was delivered is not kept.")


class WebhookNotFoundError(DispatchError, LookupError):
    """No webhook of that name is configured, so its notifications cannot be sent."""

    def __init__(self, webhook: str) -> None:
        self.webhook = webhook
        super().__init__(f"No webhook '{webhook}' is configured.")


class RunNotFoundError(DispatchError, LookupError):
    """The store has no run of that id; it may have deleted it as too old."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        super().__init__(f"There is no run '{run_id}'.")


class OutputNotFoundError(DispatchError, LookupError):
    """A run keeps no output of that name."""

    def __init__(self, run_id: str, name: str, kept: Iterable[str], *, problem: str | None = None) -> None:
        self.run_id, self.name, self.kept, self.problem = run_id, name, tuple(kept), problem
        why = f" {problem}." if problem else ""
        hint = f"It keeps {quoted(self.kept)}." if self.kept else "It keeps none."
        super().__init__(f"Run '{run_id}' keeps no output '{name}'.{why} {hint}")


class RunNotEndedError(DispatchError):
    """The caller asks for an output of a run that has not ended, or to repeat it."""

    def __init__(self, run_id: str, status: str, consequence: str = "it has no outputs yet") -> None:
        self.run_id, self.status = run_id, status
        super().__init__(f"Run '{run_id}' is {status}: {consequence}.")


class OrderNotKeptError(DispatchError):
    """A run cannot be repeated, since all that it was asked to do is not known any more."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        super().__init__(
            f"The order of run '{run_id}' is not kept. The store keeps only small orders of POST /runs. Any other run "
            "can be repeated if its record is complete, without an input or a secret left out."
        )


class NothingToResumeError(DispatchError):
    """A run cannot be repeated from its failure."""

    def __init__(self, run_id: str, reason: str) -> None:
        self.run_id = run_id
        super().__init__(f"Run '{run_id}' cannot be repeated from its failure: {reason}.")


class KeyReusedError(DispatchError):
    """The caller sends an idempotency key again, with a different run."""

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__(f"The idempotency key '{key}' was used for another run. Use a new key for a new run.")


class UnstorableRunError(DispatchError, TypeError):
    """A run holds a value of a wrong type or without a JSON form, so it could not outlive this process."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The run cannot be stored: {reason}")


class OutOfRangeError(DispatchError, ValueError):
    """A caller gives a value out of its range, such as a time limit of infinity or thousands of labels."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"A value is out of its range: {problem}")


class UnreadableRunError(DispatchError, ValueError):
    """The store holds a run that cannot be read: the store is damaged, or another version wrote the run."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The stored run cannot be read: {reason}")

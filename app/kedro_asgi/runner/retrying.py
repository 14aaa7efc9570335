"""Attempts of a node: the waits between them, and their events."""

import logging
import threading
from collections.abc import Callable
from time import perf_counter

import msgspec
from msgspec import UNSET

from kedro_asgi.errors import RunStoppedError
from kedro_asgi.events import (
    Emit,
    NodeCancelled,
    NodeFailed,
    NodeFinished,
    NodeRetried,
    NodeStarted,
    milliseconds_since,
)
from kedro_asgi.failures import describe_cause, is_last_attempt
from kedro_asgi.io import DataCatalog
from kedro_asgi.io.repeatable import can_load_again, can_save_again
from kedro_asgi.pipeline import Node
from kedro_asgi.pipeline.steps import Step
from kedro_asgi.retries import EffectiveRetries, RetryPolicy
from kedro_asgi.runner.stopping import wait_or_stop

_log = logging.getLogger(__name__)


class NodeRetries:
    """The retries of the nodes of one run, and the waits for their next attempts. Thread-safe.

    `give_up` ends all waits for good: a node of the run has failed.
    """

    def __init__(self, policies: EffectiveRetries) -> None:
        self._policies = policies
        self._woken = threading.Event()
        self._is_given_up = False

    def policy_of(self, node: Node) -> RetryPolicy | None:
        """Return the policy for a node; ``None`` if it has one attempt."""
        policy = self._policies.of_node(node.tags)
        return policy if policy is not None and policy.retries else None

    def give_up(self) -> None:
        """Let no node wait for another attempt."""
        self._is_given_up = True
        self._woken.set()

    def wait(self, seconds: float) -> bool:
        """Wait; false if no attempt may follow. Raises the reason at once if the run is asked to stop."""
        wait_or_stop(seconds, woken=self._woken)
        return not self._is_given_up


class NodeAttempts(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The attempts of one node's turn. ``run`` makes one; ``end`` gives back what an attempt has leased."""

    step: Step
    run: Callable[[Step], None]
    end: Callable[[Node], None] | None
    catalog: DataCatalog
    policy: RetryPolicy
    retries: NodeRetries
    emit: Emit
    run_id: str | None

    def make(self) -> None:
        """Run the node until an attempt succeeds; raises the error of the last one."""
        attempt = 1
        while not self._has_succeeded(attempt):
            attempt += 1

    def _has_succeeded(self, attempt: int) -> bool:
        """Make one attempt; false if another one is to follow, whose time has come."""
        started, name = perf_counter(), self.step.name
        self.emit(NodeStarted(run_id=self.run_id, node=name, attempt=UNSET if attempt == 1 else attempt))
        try:
            try:
                self.run(self.step)
            except RunStoppedError:
                raise
            except Exception as error:
                if not self._is_followed(error, attempt, started):
                    raise
                return False
        except RunStoppedError:
            self.emit(NodeCancelled(run_id=self.run_id, node=name, duration_ms=milliseconds_since(started)))
            raise
        except BaseException:
            self.emit(NodeFailed(run_id=self.run_id, node=name, duration_ms=milliseconds_since(started)))
            raise
        self.emit(NodeFinished(run_id=self.run_id, node=name, duration_ms=milliseconds_since(started)))
        return True

    def _is_followed(self, error: Exception, attempt: int, started: float) -> bool:
        """Wait for the next attempt, if there is one."""
        if not self.policy.allows(error, attempt) or is_last_attempt(error) or not self._can_repeat():
            return False
        seconds = round(self.policy.wait_seconds(attempt), 3)
        self.emit(
            NodeRetried(
                run_id=self.run_id,
                node=self.step.name,
                attempt=attempt,
                duration_ms=milliseconds_since(started),
                error=describe_cause(error),
                delay_seconds=seconds,
            )
        )
        text = "Node %s is tried again in %g s: attempt %d of %d"
        _log.warning(text, self.step.name, seconds, attempt + 1, self.policy.retries + 1)
        if self.end is not None:
            self.end(self.step.node)
        return self.retries.wait(seconds)

    def _can_repeat(self) -> bool:
        """Whether the node gets the same inputs again, and may save its outputs again; log what stands against it."""
        inputs, outputs = self.step.inputs, self.step.outputs
        if (used := next((name for name in inputs if not can_load_again(self.catalog[name])), None)) is not None:
            _log.warning("Node %s is not tried again: its input '%s' can be read only once", self.step.name, used)
        elif (saved := next((name for name in outputs if not can_save_again(self.catalog[name])), None)) is not None:
            _log.warning("Node %s is not tried again: a version of '%s' is saved already", self.step.name, saved)
        else:
            return True
        return False

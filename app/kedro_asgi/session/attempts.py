"""Attempts of a run as a whole: whether another one follows, and the wait for it."""

import logging

from kedro_asgi.errors import KedroAsgiError, RunStoppedError
from kedro_asgi.events import RunRetried
from kedro_asgi.failures import describe_cause, is_of_node
from kedro_asgi.io import find_one_shot
from kedro_asgi.retries import RetryPolicy
from kedro_asgi.runner.chunk_stream import has_given_chunks
from kedro_asgi.runner.stopping import wait_or_stop
from kedro_asgi.runs import RunSpec
from kedro_asgi.session.engine_run import EngineRun

_log = logging.getLogger(__name__)


def retry_delay_seconds(policy: RetryPolicy | None, spec: RunSpec, error: Exception) -> float | None:
    """Return how long to wait before the next attempt of a run that failed with ``error``; ``None`` if none may follow.

    An error of kedro-asgi about the request or the project comes again each time, and what a caller gave may be used
    up. A reader that has chunks of the run must not get others in their place.
    """
    if policy is None or isinstance(error, RunStoppedError) or not policy.allows(error, spec.attempt):
        return None
    if isinstance(error, KedroAsgiError) and not is_of_node(error):
        return None
    if find_one_shot(spec.inputs) is not None:
        _log.warning("The run is not tried again: its inputs can be read only once")
        return None
    if has_given_chunks():
        _log.warning("The run is not tried again: its reader has chunks of it")
        return None
    return round(policy.wait_seconds(spec.attempt), 3)


def wait_for_attempt(run: EngineRun, error: Exception, seconds: float) -> None:
    """Tell of a failed attempt and wait for the next one in this thread; raises the reason if the run is to stop."""
    attempt = run.spec.attempt
    _log.warning("Run %s is tried again in %g s: attempt %d", run.run_id, seconds, attempt + 1)
    if run.emit is not None:
        cause = describe_cause(error)
        run.emit(RunRetried(run_id=run.run_id, attempt=attempt, error=cause, delay_seconds=seconds))
    wait_or_stop(seconds)

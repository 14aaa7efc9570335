"""Pipelines that crash their processes are refused for a growing time."""

import pytest

from kedro_asgi.dispatch.circuit_breaker import CircuitBreaker
from kedro_asgi.errors import PipelineCrashingError


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> CircuitBreaker:
    return CircuitBreaker(clock)


def crash(breaker: CircuitBreaker, *names: str, times: int = 1) -> None:
    for _ in range(times):
        breaker.note(names, has_crashed=True)


def test_the_third_crash_in_a_row_refuses_the_pipeline(breaker: CircuitBreaker) -> None:
    crash(breaker, "train", times=2)
    breaker.check(("train",))
    crash(breaker, "train")
    text = "The last 3 runs of 'train' crashed their processes: the server refuses further ones for 10 seconds."
    with pytest.raises(PipelineCrashingError, match=text):
        breaker.check(("train",))
    breaker.check(("predict",))


def test_each_further_crash_doubles_the_time_up_to_ten_minutes(breaker: CircuitBreaker, clock: Clock) -> None:
    crash(breaker, "train", times=2)
    waits = []
    for _ in range(9):
        crash(breaker, "train")
        with pytest.raises(PipelineCrashingError) as caught:
            breaker.check(("train",))
        waits.append(caught.value.retry_after_seconds)
        clock.seconds += waits[-1]
        breaker.check(("train",))
    assert waits == [10, 20, 40, 80, 160, 320, 600, 600, 600]


def test_a_run_that_ends_without_a_crash_begins_the_count_again(breaker: CircuitBreaker) -> None:
    crash(breaker, "train", times=2)
    breaker.note(("train",), has_crashed=False)
    crash(breaker, "train", times=2)
    breaker.check(("train",))

"""How long a batch waits for more requests."""

import pytest

from kedro_asgi.batching_options import BatchingOptions
from kedro_asgi.dispatch.batching.window import Window


def new_window(**options: float) -> Window:
    return Window(BatchingOptions(inputs=("x",), outputs=("y",), **options), beside_after_seconds=1.0)


def window(*, requests: int, gap_seconds: float = 0.001, run_seconds: float = 0.004, **options: float) -> Window:
    """Return a window that has seen so many requests at a time, and a batch of them."""
    made = new_window(**options)
    for number in range(requests):
        made.request_came(number * gap_seconds, present=number + 1)
    made.batch_began(present=requests)
    made.batch_ended(run_seconds, rows=requests)
    return made


def begins_at(made: Window, *, requests: int, came_at: float = 10.0) -> float:
    for number in range(requests):
        made.request_came(came_at, present=number + 1)
    return made.begins_at(ready_at=came_at, oldest_at=came_at, requests=requests) - came_at


def test_a_first_request_does_not_wait() -> None:
    made = new_window()
    assert begins_at(made, requests=1) == 0


def test_a_request_alone_does_not_wait() -> None:
    assert begins_at(window(requests=1), requests=1) == 0


def test_a_batch_waits_for_those_that_came_together_before() -> None:
    assert 0 < begins_at(window(requests=8), requests=2) <= 0.004


def test_a_batch_of_all_that_there_are_does_not_wait() -> None:
    assert begins_at(window(requests=8), requests=8) == 0


def test_a_batch_waits_no_longer_than_a_run_takes() -> None:
    made = window(requests=8, gap_seconds=0.1, run_seconds=0.002, max_wait_ms=1000)
    assert begins_at(made, requests=2) == pytest.approx(0.002)


@pytest.mark.parametrize(("option", "value", "seconds"), [("max_wait_ms", 3, 0.003), ("target_latency_ms", 150, 0.05)])
def test_a_batch_waits_no_longer_than_it_may(option: str, value: float, seconds: float) -> None:
    made = window(requests=8, gap_seconds=1, run_seconds=0.1, **{"max_wait_ms": 1000, option: value})
    assert begins_at(made, requests=2) == pytest.approx(seconds)


def test_a_batch_does_not_wait_for_a_peak_that_is_over() -> None:
    made = window(requests=32)
    for _ in range(3):
        made.request_came(10.0, present=1)
        made.batch_began(present=1)
        made.batch_ended(0.004, rows=1)
        made.batch_began(present=0)
    assert begins_at(made, requests=1) == 0


def test_a_batch_becomes_smaller_until_it_keeps_to_the_target() -> None:
    made = window(requests=8, target_latency_ms=50)
    for _ in range(20):
        made.batch_ended(made.row_limit / 1000, rows=int(made.row_limit))
    # Two batches of 25 rows take 50 ms.
    assert 15 < made.row_limit < 30


def test_another_batch_may_begin_beside_one_that_takes_long() -> None:
    assert window(requests=1).may_begin_beside(began_at=5.0) == 6.0
    assert window(requests=1, target_latency_ms=20).may_begin_beside(began_at=5.0) == pytest.approx(5.02)

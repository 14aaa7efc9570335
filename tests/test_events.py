"""The time of events."""

from datetime import UTC, datetime, timedelta
from time import perf_counter

from kedro_asgi.events import EventClock, milliseconds_since


def test_the_clock_goes_on_and_tells_the_time() -> None:
    clock = EventClock()
    told = [clock.now()]
    while told[-1] == told[0]:
        told.append(clock.now())
    assert told == sorted(told)
    before = datetime.now(UTC) - timedelta(seconds=1)
    assert before < EventClock().now() < datetime.now(UTC) + timedelta(seconds=1)


def test_durations_have_two_digits() -> None:
    duration = milliseconds_since(perf_counter() - 0.0123456)
    assert duration >= 12.3
    assert duration == round(duration, 2)


def test_an_event_of_an_end_has_a_duration_and_the_time() -> None:
    clock = EventClock()
    duration, at = clock.since(perf_counter() - 1)
    assert duration >= 1000
    assert at <= clock.now()

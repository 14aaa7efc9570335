"""When cron expressions are due, also where clocks are put forward and back."""

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kedro_asgi.dispatch.schedules.cron import Cron


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def ticks(expression: str, timezone: str, after: str, until: str) -> list[str]:
    """Return the ticks between two instants, in UTC."""
    found = Cron(expression, timezone).between(ms(after), ms(until), limit=1000)
    return [f"{datetime.fromtimestamp(tick / 1000, UTC):%d %H:%M}" for tick in found]


# In Berlin, clocks go from 2 to 3 at 01:00 UTC on 29 March 2026, and from 3 to 2 at 01:00 UTC on 25 October.
GAP = ("2026-03-28T12:00Z", "2026-03-29T12:00Z")
REPEAT = ("2026-10-24T12:00Z", "2026-10-25T12:00Z")


@pytest.mark.parametrize(
    ("expression", "gap", "repeat"),
    [
        # A time of day that is fixed comes once.
        ("30 2 * * *", ["29 01:00"], ["25 00:30"]),
        ("15,45 2 * * *", ["29 01:00"], ["25 00:15", "25 00:45"]),
        ("0 2-4 * * *", ["29 01:00", "29 02:00"], ["25 00:00", "25 02:00", "25 03:00"]),
        ("0 6 * * *", ["29 04:00"], ["25 05:00"]),
        # What begins with a star, or has seconds, follows the clock.
        ("*/30 2 * * *", [], ["25 00:00", "25 00:30", "25 01:00", "25 01:30"]),
        ("0 30 2 * * *", [], ["25 00:30", "25 01:30"]),
        (
            "0 */6 * * *",
            ["28 17:00", "28 23:00", "29 04:00", "29 10:00"],
            ["24 16:00", "24 22:00", "25 05:00", "25 11:00"],
        ),
    ],
)
def test_a_tick_in_a_gap_or_in_a_repeated_hour(expression: str, gap: list[str], repeat: list[str]) -> None:
    assert ticks(expression, "Europe/Berlin", *GAP) == gap
    assert ticks(expression, "Europe/Berlin", *REPEAT) == repeat


def test_an_hourly_schedule_has_each_hour_once() -> None:
    for start, end in (GAP, REPEAT):
        found = Cron("0 * * * *", "Europe/Berlin").between(ms(start), ms(end), limit=1000)
        assert {after - before for before, after in pairwise(found)} == {3_600_000}


ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "Asia/Kathmandu")
EXPRESSIONS = (
    "30 2 * * *",
    "*/20 * * * *",
    "15 1-3 * * *",
    "0 0 * * *",
    "0 */2 * * *",
    "59 23 L * *",
    "*/40 30 1 * * *",
)


@settings(max_examples=30, deadline=None)
@given(
    expression=st.sampled_from(EXPRESSIONS),
    zone=st.sampled_from(ZONES),
    day=st.sampled_from(
        ["2026-03-08", "2026-03-29", "2026-04-05", "2026-04-24", "2026-10-04", "2026-10-25", "2026-11-01"]
    ),
    minutes=st.integers(0, 2 * 1440),
)
def test_the_ticks_after_an_instant_do_not_depend_on_where_a_worker_begins(
    expression: str, zone: str, day: str, minutes: int
) -> None:
    cron = Cron(expression, zone)
    start = datetime.fromisoformat(f"{day}T00:00Z") - timedelta(days=1)
    first = int(start.timestamp() * 1000)
    later, end = first + minutes * 60_000, first + 4 * 86_400_000
    found = cron.between(first, end, limit=10_000)
    assert found == sorted(set(found))
    assert cron.between(later, end, limit=10_000) == [tick for tick in found if tick > later]


@settings(max_examples=30, deadline=None)
@given(expression=st.sampled_from(EXPRESSIONS), hours=st.integers(1, 2000), limit=st.integers(1, 30))
def test_of_many_ticks_the_last_are_found(expression: str, hours: int, limit: int) -> None:
    cron, until = Cron(expression, "Europe/Berlin"), ms("2026-10-26T00:00Z")
    after = until - hours * 3_600_000
    every = cron.between(after, until, limit=10**9)
    found = cron.between(after, until, limit=limit)
    assert found == every[len(every) - len(found) :]
    assert len(found) >= min(limit, len(every))


def test_ticks_of_a_year_without_a_server_cost_little() -> None:
    cron = Cron("* * * * * *", "UTC")
    found = cron.between(ms("2025-10-25T00:00Z"), ms("2026-10-25T00:00Z"), limit=1000)
    assert len(found) == 3600


def test_a_tick_is_after_its_start() -> None:
    cron = Cron("0 6 * * *", "UTC")
    assert list(islice(cron.after(ms("2026-10-25T06:00Z")), 1)) == [ms("2026-10-26T06:00Z")]
    assert list(islice(cron.after(ms("2026-10-25T05:59:59.999Z")), 1)) == [ms("2026-10-25T06:00Z")]


@pytest.mark.parametrize(
    ("expression", "timezone", "problem"),
    [
        ("61 * * * *", "UTC", "cron: '61 * * * *' is not a cron expression: Bad minute"),
        ("", "UTC", "cron: '' is not a cron expression: Wrong number of fields"),
        ("@daily", "UTC", "Wrong number of fields"),
        ("1" * 5000, "UTC", "Wrong number of fields"),
        ("1" * 5000 + " * * * *", "UTC", "is not a cron expression"),
        ("٣ * * * *", "UTC", "Bad minute"),
        ("0 0 30 2 *", "UTC", "Bad day-of-month"),
        ("* * * * *", "Europe/Berlim", "timezone: 'Europe/Berlim' is not a time zone"),
        ("* * * * *", "Europe", "is not a time zone"),
        ("* * * * *", "../../etc/passwd", "is not a time zone"),
        ("* * * * *", "", "is not a time zone"),
        ("* * * * *", "a\0b", "is not a time zone"),
    ],
)
def test_what_is_no_cron_expression_or_no_time_zone_is_told(expression: str, timezone: str, problem: str) -> None:
    with pytest.raises(ValueError) as caught:
        Cron(expression, timezone)
    assert problem in str(caught.value)
    assert len(str(caught.value)) < 400

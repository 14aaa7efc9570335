"""Which missing workers are dead."""

from kedro_asgi.dispatch.stores.liveness import FailureDetector


def test_a_worker_that_is_missing_at_the_first_look_is_dead() -> None:
    """A restarted server adopts the runs of its former process at once."""
    assert FailureDetector(first_look_decides=True).dead_workers({"a": "missing", "b": "alive", "c": "dead"}) == [
        "a",
        "c",
    ]


def test_the_first_look_does_not_decide_where_an_outage_takes_the_locks_of_the_living() -> None:
    """A worker that starts while a database is away looks before the others have their locks again."""
    detector = FailureDetector(first_look_decides=False)
    looks = [detector.dead_workers({"a": "missing", "b": "missing" if look < 2 else "alive"}) for look in range(4)]
    assert looks == [[], [], [], ["a"]]


def test_a_worker_that_goes_missing_later_is_dead_after_four_looks_in_a_row() -> None:
    detector = FailureDetector(first_look_decides=True)
    detector.dead_workers({"a": "alive"})
    looks = [detector.dead_workers({"a": status}) for status in ["missing"] * 3 + ["alive"] + ["missing"] * 4]
    assert looks == [[]] * 7 + [["a"]]


def test_a_worker_that_released_its_lock_is_dead_at_once() -> None:
    detector = FailureDetector(first_look_decides=True)
    detector.dead_workers({"a": "alive"})
    assert detector.dead_workers({"a": "dead"}) == ["a"]

"""Which missing workers are dead."""

from kedro_asgi.dispatch.stores.liveness import FailureDetector


def test_a_worker_that_is_missing_at_the_first_look_is_dead() -> None:
    """A restarted server adopts the runs of its former process at once."""
    assert FailureDetector().dead_workers({"a": "missing", "b": "alive", "c": "dead"}) == ["a", "c"]


def test_a_worker_that_goes_missing_later_is_dead_after_four_looks_in_a_row() -> None:
    detector = FailureDetector()
    detector.dead_workers({"a": "alive"})
    looks = [detector.dead_workers({"a": status}) for status in ["missing"] * 3 + ["alive"] + ["missing"] * 4]
    assert looks == [[]] * 7 + [["a"]]


def test_a_worker_that_released_its_lock_is_dead_at_once() -> None:
    detector = FailureDetector()
    detector.dead_workers({"a": "alive"})
    assert detector.dead_workers({"a": "dead"}) == ["a"]

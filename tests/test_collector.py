import gc

import pytest

from kedro_asgi.collector import collector_paused


@pytest.fixture(autouse=True)
def _collector_runs():
    gc.enable()
    yield
    gc.unfreeze()
    gc.enable()


def test_the_collector_pauses_in_a_block_and_in_those_within_it() -> None:
    with collector_paused():
        with collector_paused():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_the_collector_goes_on_after_an_error() -> None:
    with pytest.raises(ValueError), collector_paused():
        raise ValueError
    assert gc.isenabled()


def test_a_collector_that_is_off_stays_off() -> None:
    gc.disable()
    with collector_paused():
        pass
    assert not gc.isenabled()


def test_what_there_is_after_a_start_can_be_kept() -> None:
    with collector_paused(keeps=True):
        pass
    assert gc.get_freeze_count() > 0

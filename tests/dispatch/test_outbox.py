"""The outbox of a run: what it holds, and when the writer thread hears of it."""

import threading

from kedro_asgi.dispatch.outbox import Outbox
from kedro_asgi.events import RunPlanned
from kedro_asgi.run_ids import RunIds

RUN_ID = RunIds().next()


def test_an_outbox_is_posted_once_until_it_is_taken() -> None:
    posted: list[bool] = []
    outbox = Outbox(RUN_ID, lambda found, /, *, is_urgent=False: posted.append(is_urgent), max_log_lines=1)
    events = [RunPlanned(run_id=RUN_ID, nodes=number) for number in range(3)]
    for event in events:
        outbox.emit(event)
    assert (posted, outbox.take(), outbox.take()) == ([False], events, [])
    outbox.emit(events[0])
    outbox.put(events[1], is_urgent=True)
    assert (posted, outbox.take()) == ([False, False, True], events[:2])


def test_no_event_is_lost_between_threads() -> None:
    """The writer thread takes events while the threads of a run add some."""
    waiting = threading.Semaphore(0)
    outbox = Outbox(RUN_ID, lambda found, /, *, is_urgent=False: waiting.release(), max_log_lines=1)

    def emit(thread: int) -> None:
        for number in range(2000):
            outbox.emit(RunPlanned(run_id=str(thread), nodes=number))

    threads = [threading.Thread(target=emit, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    taken: list[tuple[str | None, int]] = []
    while len(taken) < 6000:
        assert waiting.acquire(timeout=10)
        taken += [(event.run_id, event.nodes) for event in outbox.take() if isinstance(event, RunPlanned)]
    for thread in threads:
        thread.join()
    assert sorted(taken) == sorted(set(taken))
    assert [number for run_id, number in taken if run_id == "0"] == list(range(2000))

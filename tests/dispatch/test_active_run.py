"""The phases of a run: one table of transitions, and nothing beside it."""

from collections.abc import Callable
from contextvars import copy_context
from datetime import UTC, datetime
from functools import partial

import pytest

from kedro_asgi.dispatch.active_run import ActiveRun
from kedro_asgi.dispatch.messages import RunChanged
from kedro_asgi.dispatch.outbox import Outbox
from kedro_asgi.dispatch.phases import TRANSITIONS, Phase
from kedro_asgi.dispatch.policy import Policy
from kedro_asgi.dispatch.waiting_order import GivenOrder
from kedro_asgi.errors import RunCancelledError
from kedro_asgi.events import Event, RunPlanned
from kedro_asgi.run_ids import RunIds
from kedro_asgi.runner.chunk_stream import CHUNK_STREAM, Chunk, ChunkStream
from kedro_asgi.runs import ErrorDetail, RunRecord, RunSpec

Messages = list[Event | RunChanged]

ENTER: dict[Phase, Callable[[ActiveRun], object]] = {
    "promised": ActiveRun.promise,
    "queued": ActiveRun.enqueue,
    "starting": ActiveRun.start,
    "running": ActiveRun.begin,
    "waiting": lambda run: run.retry(ErrorDetail(type="ValueError", message="no"), 1.0),
    "ended": lambda run: run.end("failure"),
    "announced": ActiveRun.announce,
    "refused": lambda run: run.refuse(None),
    "handed_back": ActiveRun.hand_back,
    "lost": ActiveRun.lose,
}


def new_run(messages: Messages, *, is_promised: bool = True, keeps_order: bool = False) -> ActiveRun:
    record = RunRecord(run_id=RunIds().next(), status="queued", created_at=datetime.now(UTC))

    def post(outbox: Outbox, /, *, is_urgent: bool = False) -> None:
        messages.extend(outbox.take())

    return ActiveRun(record, GivenOrder(read=RunSpec), post, Policy(), is_promised=is_promised, keeps_order=keeps_order)


def paths_to_each_phase() -> dict[Phase, list[Phase]]:
    paths: dict[Phase, list[Phase]] = {"admitted": []}
    waiting: list[Phase] = ["admitted"]
    for phase in waiting:
        for following in TRANSITIONS[phase]:
            if following not in paths:
                paths[following] = [*paths[phase], following]
                waiting.append(following)
    return paths


PATHS = paths_to_each_phase()


class Chunks(ChunkStream):
    """Takes chunks."""

    def _give(self, chunk: Chunk) -> None:
        """Drop it."""

    def release(self) -> None:
        """No thread waits."""


@pytest.mark.parametrize("has_chunks", [False, True])
def test_another_attempt_gives_no_chunks_to_a_reader_that_has_some(has_chunks: bool) -> None:
    stream, context = Chunks(["out"]), copy_context()
    context.run(CHUNK_STREAM.set, stream)
    run = context.run(partial(new_run, [], is_promised=False, keeps_order=True))
    for step in ("queued", "starting"):
        ENTER[step](run)
    assert run.begin()[1][CHUNK_STREAM] is stream
    if has_chunks:
        stream.put("out", 1)
    for step in ("waiting", "queued", "starting"):
        ENTER[step](run)
    assert run.begin()[1][CHUNK_STREAM] is (None if has_chunks else stream)


def test_every_phase_can_be_reached() -> None:
    assert PATHS.keys() == TRANSITIONS.keys() == {"admitted", *ENTER}


@pytest.mark.parametrize("phase", TRANSITIONS)
@pytest.mark.parametrize("following", ENTER)
def test_only_the_transitions_of_the_table_are_possible(phase: Phase, following: Phase) -> None:
    messages: Messages = []
    run = new_run(messages)
    for step in PATHS[phase]:
        ENTER[step](run)
    posted = len(messages)
    if following in TRANSITIONS[phase]:
        ENTER[following](run)
        assert run.phase == following
    else:
        with pytest.raises(RuntimeError, match=f"cannot go from '{phase}' to '{following}'"):
            ENTER[following](run)
        assert (run.phase, len(messages)) == (phase, posted)


def test_the_end_of_a_promised_run_is_known_when_it_is_announced() -> None:
    run = new_run([])
    for step in (run.promise, run.enqueue, run.start, run.begin):
        step()
    run.end("success")
    assert (run.record.status, run.known_record().status) == ("success", "running")
    run.announce()
    assert run.known_record().status == "success"


def test_a_run_that_gave_its_slot_to_others_is_recorded_as_started_once() -> None:
    messages: Messages = []
    run = new_run(messages)
    for step in (run.promise, run.enqueue, run.start, run.enqueue, run.start):
        step()
    assert [type(message.event).__name__ for message in messages if isinstance(message, RunChanged)] == ["RunStarted"]


def test_the_first_reason_to_stop_stays() -> None:
    run = new_run([])
    run.ask_stop(RunCancelledError("first"))
    run.ask_stop(RunCancelledError("second"))
    assert str(run.stop_reason) == "first"


def test_events_after_the_end_are_dropped() -> None:
    messages: Messages = []
    run = new_run(messages, is_promised=False)
    for step in (run.enqueue, run.start, run.begin):
        step()
    run.end("success")
    posted = len(messages)
    run.outbox.emit(RunPlanned(run_id=run.record.run_id, nodes=1))
    assert len(messages) == posted

"""The time line of a run as an SVG picture."""

from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import pytest

from graph.pipelines import HOSTILE
from kedro_asgi.events import NodeCancelled, NodeFailed, NodeFinished, NodeRetried, NodeStarted, RunEnded, RunStarted
from kedro_asgi.graph import draw_timeline
from kedro_asgi.graph.timeline import format_seconds
from kedro_asgi.node_runs import NodeRun, read_node_runs, state_of_each
from kedro_asgi.runs import ErrorCause

SVG = "{http://www.w3.org/2000/svg}"
START = datetime(2026, 11, 21, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def ran(node: str, begin: float, end: float | None) -> NodeRun:
    return NodeRun(
        node=node,
        state="running" if end is None else "success",
        started_at=at(begin),
        ended_at=None if end is None else at(end),
        duration_ms=None if end is None else (end - begin) * 1000,
    )


def picture(*nodes: NodeRun, seconds: float = 10) -> ElementTree.Element:
    return ElementTree.fromstring(draw_timeline("Run 1", nodes, started_at=START, ended_at=at(seconds)))


def bars(root: ElementTree.Element) -> list[tuple[float, float]]:
    found = [rect for rect in root.iter(f"{SVG}rect") if rect.get("class") == "badge"]
    return [(float(rect.get("x", "")), float(rect.get("width", ""))) for rect in found]


def test_a_bar_is_as_long_as_its_node_took() -> None:
    (first, wide), (second, narrow) = bars(picture(ran("a", 0, 5), ran("b", 5, 7.5)))
    assert wide == pytest.approx(2 * narrow, abs=0.2)
    assert second == pytest.approx(first + wide, abs=0.2)


def test_a_node_that_runs_goes_on_until_now() -> None:
    (first, wide), (second, narrow) = bars(picture(ran("a", 0, 8), ran("b", 8, None)))
    assert second + narrow == pytest.approx(first + wide * 10 / 8, abs=0.2)


def test_very_short_nodes_can_be_seen() -> None:
    assert bars(picture(ran("a", 0, 0.000001)))[0][1] >= 2


def test_a_run_without_nodes_says_so() -> None:
    assert "No node has started." in [text.text for text in picture(seconds=0).iter(f"{SVG}text")]


def test_names_of_users_stay_text() -> None:
    root = picture(ran(HOSTILE, 0, 1))
    assert any("<img" in (title.text or "") for title in root.iter(f"{SVG}title"))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0"), (0.0015, "1.5 ms"), (2.44, "2.44 s"), (59.99, "60 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")],
)
def test_durations_are_for_people(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text


def test_events_tell_which_nodes_have_started_and_how_they_ended() -> None:
    events = [
        *(NodeStarted(run_id="r", node=name, at=at(0)) for name in "abcd"),
        NodeFinished(run_id="r", node="a", duration_ms=1000, at=at(1)),
        NodeFailed(run_id="r", node="b", duration_ms=2000, at=at(2)),
        NodeCancelled(run_id="r", node="c", duration_ms=3000, at=at(3)),
    ]
    states = state_of_each("abcde", read_node_runs(events), has_ended=False)
    assert list(states.values()) == ["success", "failure", "cancelled", "running", "waiting"]
    ended = [*events, RunEnded(run_id="r", status="failure", duration_ms=4000, at=at(4))]
    runs = read_node_runs(ended)
    assert (runs[3].state, runs[3].duration_ms) == ("cancelled", 4000)
    assert state_of_each("e", runs, has_ended=True) == {"e": "skipped"}


def retried(node: str, attempt: int, seconds: float) -> NodeRetried:
    error = ErrorCause(type="OSError", message="no")
    return NodeRetried(
        run_id="r", node=node, attempt=attempt, duration_ms=1000, error=error, delay_seconds=1, at=at(seconds)
    )


def test_a_node_that_is_tried_again_has_a_bar_for_each_attempt() -> None:
    events = [
        NodeStarted(run_id="r", node="a", at=at(0)),
        retried("a", 1, 1),
        NodeStarted(run_id="r", node="a", attempt=2, at=at(2)),
        retried("a", 2, 3),
    ]
    (waiting,) = read_node_runs(events)
    assert (waiting.state, len(waiting.failed_attempts)) == ("waiting", 2)
    assert len(bars(picture(waiting))) == 2
    events += [
        NodeStarted(run_id="r", node="a", attempt=3, at=at(4)),
        NodeFinished(run_id="r", node="a", duration_ms=2000, at=at(6)),
    ]
    (done,) = read_node_runs(events)
    assert (done.state, done.started_at, done.first_started_at) == ("success", at(4), at(0))
    drawn = bars(picture(done))
    assert [width for _, width in drawn] == [72, 72, 144]
    assert "a: success, 2 s, attempt 3" in ElementTree.tostring(picture(done), encoding="unicode")
    stopped = read_node_runs([*events[:4], RunEnded(run_id="r", status="cancelled", duration_ms=1, at=at(5))])
    assert stopped[0].state == "cancelled"


def test_the_nodes_of_a_run_are_those_of_its_last_attempt() -> None:
    events = [
        NodeStarted(run_id="r", node="a", at=at(0)),
        NodeFailed(run_id="r", node="a", duration_ms=1, at=at(1)),
        RunStarted(run_id="r", attempt=2, at=at(2)),
    ]
    assert read_node_runs(events[:2])[0].state == "failure"
    assert read_node_runs(events) == []

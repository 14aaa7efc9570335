"""Commands keep the state of a run from its events, and describe its end."""

import shlex

import pytest

from kedro_asgi.cli.run_state import PlannedNode, RunState
from kedro_asgi.cli.run_summary import echo_summary, resume_hint
from kedro_asgi.events import DatasetSaved, Event, NodeFailed, NodeFinished, NodeStarted, RunPlanned, RunRetried
from kedro_asgi.failures import note_resumption
from kedro_asgi.runs import ErrorCause


def state_of(count: int, *events: Event) -> RunState:
    state = RunState(lambda: [PlannedNode(name=f"n{place}") for place in range(count)])
    for event in (RunPlanned(run_id=None, nodes=count), *events):
        state.note(event)
    return state


def ran(place: int, seconds: float, kind: type[NodeFinished | NodeFailed] = NodeFinished) -> list[Event]:
    node = f"n{place}"
    return [NodeStarted(run_id=None, node=node), kind(run_id=None, node=node, duration_ms=seconds * 1000)]


def test_nodes_that_no_plan_names_are_added_when_they_start() -> None:
    state = RunState()
    for event in (RunPlanned(run_id=None, nodes=3), *ran(0, 1)):
        state.note(event)
    assert [row.name for row in state.rows] == ["n0"]
    assert state.counts() == {"success": 1, "waiting": 2}


def test_a_dataset_that_a_further_attempt_saves_again_is_named_once() -> None:
    saved = DatasetSaved(run_id=None, dataset="d", node="n0", is_kept=True)
    again = RunRetried(run_id=None, attempt=1, error=ErrorCause(type="E", message="m"), delay_seconds=0)
    state = state_of(1, saved, again, saved)
    assert [row.saved for row in state.rows] == [("d",)]


def test_the_table_of_many_nodes_has_failures_then_the_longest(capsys: pytest.CaptureFixture[str]) -> None:
    events = [event for place in range(100) for event in ran(place, 50 if place == 70 else 0.5)]
    state = state_of(300, *events, *ran(100, 1, NodeFailed))
    state.end()
    echo_summary(state, err=False, seconds=101)
    *table, summary = capsys.readouterr().out.split("\n", 2)[2].strip().splitlines()
    assert len(table) < 30
    assert [line.split()[:2] for line in table[-2:]] == [["n70", "success"], ["n100", "failure"]]
    hidden = 300 - len(table)
    assert summary == f"300 nodes in 101.000 s: 100 success, 1 failure, 199 skipped ({hidden} of them not shown)"


def test_a_run_that_told_of_no_node_has_no_table(capsys: pytest.CaptureFixture[str]) -> None:
    state = state_of(2)
    state.end()
    echo_summary(state, err=False)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("names", [("a", "b"), ("f([x]) -> [y]",), ('say "$(id)"', "back`tick`")])
def test_a_shell_reads_the_names_of_the_hint_as_they_are(names: tuple[str, ...]) -> None:
    error = ValueError("no")
    note_resumption(error, names)
    hint = resume_hint(error, command="kedro-asgi run", arguments=["--params", "a=b c"])
    words = shlex.split(hint.splitlines()[-1])
    assert words == ["kedro-asgi", "run", "--params", "a=b c", "--from-nodes", ",".join(names)]


def test_an_error_without_such_nodes_has_no_hint() -> None:
    assert resume_hint(ValueError("no"), command="kedro-asgi run", arguments=[]) == ""


def test_the_hint_repeats_no_credentials() -> None:
    error = ValueError("no")
    note_resumption(error, ["a"])
    arguments = [
        "--params",
        "a=1,db.password=pa55,b=2",
        "--params=api_key=pa55",
        "--conf-source",
        "s3://me:pa55@host/x",
    ]
    hint = resume_hint(error, command="kedro-asgi run", arguments=arguments)
    assert "pa55" not in hint
    assert "'a=1,db.password=<redacted>,b=2'" in hint

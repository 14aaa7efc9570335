"""``kedro-asgi runs``: the runs of a server on the command line."""

import json
import re
from pathlib import Path

import httpx
import pytest

from kedro_asgi.server.access.tokens import make_token, token_line
from terminal import Terminal


def test_runs_are_listed_shown_followed_and_cancelled(work: Path, start, command) -> None:
    server = start("kedro_asgi", "serve", work)
    body = {"pipeline_names": ["slow"], "params": {"seconds": 0.2}, "labels": {"team": "ml"}}
    run_id = httpx.post(f"{server.url}/runs", json=body).json()["run_id"]
    followed = command("runs", "follow", run_id, "--url", server.url)
    assert followed.returncode == 0, followed.stderr
    assert "WARNING project: sleeping for 0.2" in followed.stdout
    assert re.search(r"one: done in \d", followed.stdout)
    assert "first: saved" in followed.stdout
    assert followed.stdout.endswith(f"{run_id}: success\n")
    for statuses, count in (("success,queued",), 1), (("success", "--status", "failure"), 1), (("failure,queued",), 0):
        listed = command("runs", "list", "--url", server.url, "--format", "json", "--status", *statuses)
        assert len(json.loads(listed.stdout)) == count
    listed = command("runs", "list", "--label", "team=ml", environ={"KEDRO_ASGI_URL": server.url})
    assert [line.split()[:4] for line in listed.stdout.splitlines()[1:]] == [
        [
            run_id,
            "success",
            "slow",
            f"{json.loads(command('runs', 'show', run_id, '--url', server.url).stdout)['duration_ms'] / 1000:.3f}",
        ]
    ]
    for labels, problem in (("team",), "'team' must be of the form"), (("team=a", "team=b"), "no run has two values"):
        options = [word for label in labels for word in ("--label", label)]
        refused = command("runs", "list", "--url", server.url, *options)
        assert (refused.returncode, problem in refused.stderr) == (2, True)
    with Terminal("runs", "list", "--url", server.url, cwd=work, columns=66) as terminal:
        assert terminal.end() == 0
    assert "\x1b[32msuccess" in terminal.text
    head, listed, *_ = screen = terminal.screen()
    assert head.split()[:2] == ["RUN", "STATUS"]
    assert listed.startswith(f"{run_id}  success  ")
    assert max(map(len, screen)) <= 66
    again = command("runs", "rerun", run_id, "--url", server.url)
    assert httpx.get(f"{server.url}/runs/{again.stdout.strip()}").json()["rerun_of"] == run_id
    body = {"pipeline_names": ["wait"], "params": {"seconds": 600}}
    run_id = httpx.post(f"{server.url}/runs", json=body).json()["run_id"]
    assert run_id in command("runs", "cancel", run_id, "--url", server.url).stdout
    followed = command("runs", "follow", run_id, "--url", server.url)
    assert followed.returncode == 1
    assert "cancelled (RunCancelledError: The run was cancelled.)" in followed.stdout


@pytest.mark.slow
def test_an_error_is_one_line(work: Path, start, command, closed_port: int) -> None:
    server = start("kedro_asgi", "serve", work)
    for arguments, message in [
        (("show", "nope", "--url", server.url), "There is no run 'nope'"),
        (("list", "--status", "odd", "--url", server.url), "'status' must be one of"),
        (("rerun", "nope", "--from-failure", "--url", server.url), "There is no run 'nope'"),
        (("list", "--url", f"http://127.0.0.1:{closed_port}"), "No answer from"),
    ]:
        done = command("runs", *arguments)
        assert done.returncode == 1
        assert message in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_the_commands_show_a_token(work: Path, start, command) -> None:
    token = make_token()
    lines = token_line("ci", token, ["read"])
    server = start("kedro_asgi", "serve", work, KEDRO_SERVER_TOKENS=lines)
    refused = command("runs", "list", "--url", server.url)
    assert (refused.returncode, "Send a token" in refused.stderr) == (1, True)
    for arguments, environ in ((("--token", token), {}), ((), {"KEDRO_ASGI_TOKEN": token})):
        assert command("runs", "list", "--url", server.url, *arguments, environ=environ).returncode == 0

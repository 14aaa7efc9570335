"""Real servers, started with the commands that users type."""

import json
import os
import re
import signal
import socket
import subprocess
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import pytest

SLEEPY = """
import gc
import sys
import time
from pathlib import Path
from kedro_asgi.pipeline import Pipeline, node

def sleep(seconds):
    time.sleep(seconds)
    return seconds

def sleep_until(path):
    while not Path(path).exists():
        time.sleep(0.01)

def compute_until(path):
    while not Path(path).exists():
        sum(i * i for i in range(100_000))

def look_at_python():
    return {"switch_seconds": sys.getswitchinterval(), "frozen_objects": gc.get_freeze_count()}

def register_pipelines():
    return {
        "look": Pipeline([node(look_at_python, None, "seen", name="look")]),
        "__default__": Pipeline([node(sleep, "params:a", "out", name="sleep")]),
        "sleep_until": Pipeline([node(sleep_until, "params:path", None, name="sleep_until")]),
        "compute_until": Pipeline([node(compute_until, "params:path", None, name="compute_until")]),
    }
"""


def test_serve_answers_and_stops_at_ctrl_c(tiny: Path, start) -> None:
    server = start("kedro_asgi", "serve", tiny)
    answer = httpx.post(f"{server.url}/run", json={"outputs": ["d"]}).json()
    assert answer["outputs"] == {"d": 6}
    assert httpx.head(f"{server.url}/health").status_code == 405
    server.process.send_signal(signal.SIGINT)
    assert server.process.wait(120) == 0


def test_an_option_beats_its_environment_variable(make_project, start) -> None:
    project = make_project(files={"conf/prod/parameters.yml": "a: 5\n", "conf/local/parameters.yml": "a: 7\n"})
    outputs = {"outputs": ["d"]}
    server = start("kedro_asgi", "serve", project, KEDRO_SERVER_ENV="prod")
    assert httpx.post(f"{server.url}/run", json=outputs).json()["outputs"] == {"d": 14}
    server = start("kedro_asgi", "serve", project, "--env", "local", KEDRO_SERVER_ENV="prod")
    assert httpx.post(f"{server.url}/run", json=outputs).json()["outputs"] == {"d": 18}


def test_flags_of_the_command_are_settings_of_the_server(make_project, start) -> None:
    flags = ("--no-dashboard", "--no-docs", "--no-metrics", "--failure-status", "500", "--traceback")
    server = start("kedro_asgi", "serve", make_project(), *flags)
    # The log of requests would have them later.
    assert "/metrics" not in (greeting := server.log())
    assert f"{server.url}/d" not in greeting
    assert httpx.get(f"{server.url}/dashboard").status_code == 404
    assert httpx.get(f"{server.url}/docs").status_code == 404
    assert httpx.get(f"{server.url}/metrics").status_code == 404
    failed = httpx.post(f"{server.url}/run", json={"pipeline_names": ["nope"]})
    assert (failed.status_code, failed.json()["status"]) == (500, "failure")


def test_an_invalid_setting_is_one_line(tiny: Path, command) -> None:
    done = command("serve", tiny, "--port", "0", environ={"KEDRO_SERVER_MAX_BODY_BYTES": "lots"})
    assert done.returncode == 1
    assert done.stderr.startswith("Error: ServerSettingsError: 'KEDRO_SERVER_MAX_BODY_BYTES' must not be 'lots'")
    assert "Traceback" not in done.stderr


def test_several_workers_serve_one_port(tiny: Path, start) -> None:
    server = start("kedro_asgi", "serve", tiny, "--workers", "2")
    answers = [httpx.post(f"{server.url}/run", json={}).json() for _ in range(20)]
    assert len({answer["run_id"] for answer in answers}) == 20


def test_workers_share_connections_that_a_client_opens_together(tiny: Path, start) -> None:
    server = start("kedro_asgi", "serve", tiny, KEDRO_SERVER_WORKERS="2")
    while (log := server.log()).count("Application startup complete.") < 2:
        assert server.process.poll() is None
        time.sleep(0.01)
    workers = re.findall(r"Started server process \[(\d+)\]", log)
    counts = [0, 0]
    # The second worker begins to listen just after it has said that it is complete, and a machine that is busy may not
    # let it accept in the moment for which the other one waits.
    for _ in range(20):
        with ExitStack() as stack:
            for _ in range(20):
                opened = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
                opened.sendall(b"GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            while sum(counts := [_open_connections(worker, server.port) for worker in workers]) < 20:
                time.sleep(0.01)
        if min(counts) >= 8:
            break
    assert min(counts) >= 8


def _open_connections(pid: str, port: int) -> int:
    rows = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    established = {row[9] for row in rows if int(row[1].rpartition(":")[2], 16) == port and row[3] == "01"}
    links = set()
    for file in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            links.add(os.readlink(file))
    return sum(f"socket:[{inode}]" in links for inode in established)


TRAINED = """
from kedro_asgi.pipeline import Pipeline, node

def train(slope):
    return {"slope": slope}

def predict(model):
    return model["slope"]

def register_pipelines():
    return {
        "__default__": Pipeline([node(predict, "model", "out")]),
        "train": Pipeline([node(train, "params:slope", "model")]),
    }
"""


@pytest.mark.parametrize("workers", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_all_workers_use_an_artifact_that_one_worker_saved(make_project, start, workers: int) -> None:
    project = make_project(
        TRAINED,
        catalog="model:\n  type: json.JSONDataset\n  filepath: data/model.json\n",
        parameters="slope: 1\n",
        files={"data/model.json": '{"slope": 0}'},
    )
    server = start("kedro_asgi", "serve", project, "--preload", "model", "--workers", workers)

    def run(**body: object) -> dict:
        return httpx.post(f"{server.url}/run", json=body, timeout=30).json()

    assert httpx.get(f"{server.url}/ready").json() == {"status": "ready"}
    assert [run(outputs=["out"])["outputs"]["out"] for _ in range(10)] == [0] * 10
    assert run(pipeline_names=["train"])["status"] == "success"
    assert [run(outputs=["out"])["outputs"]["out"] for _ in range(20)] == [1] * 20
    (project / "data" / "model.json").write_text('{"slope": 2}')
    assert httpx.post(f"{server.url}/reload", timeout=30).json()["preloaded"] == ["model"]
    assert [run(outputs=["out"])["outputs"]["out"] for _ in range(20)] == [2] * 20


@pytest.mark.parametrize("workers", [1, 2])
def test_an_unknown_name_to_preload_is_one_line(tiny: Path, command, workers: int) -> None:
    done = command("serve", tiny, "--preload", "s", "--port", "0", "--workers", workers)
    assert done.returncode == 3 or workers == 2
    assert "Traceback" not in done.stderr
    assert "'preload' names 's', but the catalog has no such dataset." in done.stderr
    assert len(done.stderr.splitlines()) < 20


def test_serve_takes_an_environment(tiny: Path, start, monkeypatch: pytest.MonkeyPatch) -> None:
    server = start("kedro_asgi", "serve", tiny, "--env", "local")
    assert httpx.get(f"{server.url}/snapshot").json()["status"] == "success"


SILENCE = """
import sys
from kedro_asgi.pipeline import Pipeline, node

def silence():
    sys.stdout = None
    return 1

def register_pipelines():
    return {"__default__": Pipeline([node(silence, None, "out")])}
"""


def test_a_node_that_replaces_standard_output_does_not_change_the_exit_code(make_project, start) -> None:
    server = start("kedro_asgi", "serve", make_project(SILENCE))
    assert httpx.post(f"{server.url}/run", json={}).json()["status"] == "success"
    server.process.terminate()
    assert server.process.wait(120) == 0


def test_demo_trains_and_serves_the_starter(start) -> None:
    server = start("kedro_asgi", "demo")
    server.log_with("accuracy on 86 held-out ones: 0.9")
    penguin = {"bill_length_mm": 46.5, "bill_depth_mm": 17.9, "flipper_length_mm": 192, "body_mass_g": 3500}
    body = {"pipeline_names": ["predict"], "inputs": {"features": [penguin]}, "outputs": ["predictions"]}
    answer = httpx.post(f"{server.url}/run", json=body).json()
    assert answer["outputs"]["predictions"][0]["species"] == "Chinstrap"
    body["inputs"] = {"features": [{**penguin, "bill_depth_mm": None}]}
    assert "bill_depth_mm" in httpx.post(f"{server.url}/run", json=body).json()["error"]["message"]


def test_an_error_about_the_port_is_one_line(tiny: Path, command) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = command("serve", tiny, "--port", port)
    assert done.returncode == 1
    assert f"Cannot listen on 127.0.0.1:{port}: Address already in use" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_error_in_the_settings_is_one_line(make_project, command) -> None:
    done = command("serve", make_project(settings="raise RuntimeError('broken here')\n"))
    assert done.returncode == 1
    assert "RuntimeError: broken here" in done.stderr
    assert "settings.py, line 1" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("pipeline", ["sleep_until", "compute_until"])
def test_health_answers_while_nodes_sleep_or_compute(make_project, start, tmp_path: Path, pipeline: str) -> None:
    server, ended = start("kedro_asgi", "serve", make_project(SLEEPY)), tmp_path / "ended"
    body = {"pipeline_names": [pipeline], "params": {"path": str(ended)}}
    with httpx.Client(base_url=server.url, timeout=60) as http:
        runs = [http.post("/runs", json=body).json()["run_id"] for _ in range(4)]
        while len(http.get("/runs?status=running").json()["runs"]) < 4:
            time.sleep(0.01)
        assert {http.get("/health").status_code for _ in range(10)} == {200}
        assert {http.get(f"/runs/{run_id}").json()["status"] for run_id in runs} == {"running"}
        ended.touch()
        assert {http.get(f"/runs/{run_id}?wait=60").json()["status"] for run_id in runs} == {"success"}


def test_the_server_tunes_the_interpreter_that_it_owns(make_project, start) -> None:
    server = start("kedro_asgi", "serve", make_project(SLEEPY))
    body = {"pipeline_names": ["look"], "outputs": ["seen"]}
    deadline = time.monotonic() + 60
    while not (seen := httpx.post(f"{server.url}/run", json=body).json()["outputs"]["seen"])["frozen_objects"]:
        assert time.monotonic() < deadline
    assert seen["switch_seconds"] <= 0.001


def test_the_server_survives_clients_that_disconnect(make_project, start) -> None:
    server = start("kedro_asgi", "serve", make_project(SLEEPY))
    with pytest.raises(httpx.TimeoutException):
        httpx.post(f"{server.url}/run", json={"params": {"a": 60}}, timeout=0.3)
    with socket.create_connection(("127.0.0.1", server.port)) as half:
        half.sendall(b"POST /run HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{")
    answer = httpx.post(f"{server.url}/run", json={"params": {"a": 0}, "outputs": ["out"]}, timeout=60).json()
    assert answer["outputs"] == {"out": 0}
    assert "Traceback" not in server.log()


def test_logs_and_answers_show_no_credentials(make_project, start) -> None:
    registry = """
    from kedro_asgi.pipeline import Pipeline, node
    def boom(x):
        raise RuntimeError("cannot reach s3://user:secret@bucket/x")
    def register_pipelines():
        return {"__default__": Pipeline([node(boom, "params:a", "out", name="boom")])}
    """
    server = start("kedro_asgi", "serve", make_project(registry))
    answer = httpx.post(f"{server.url}/run", json={}).json()
    log = server.log_with(f"Pipeline run {answer['run_id']} failed: cannot reach s3://<redacted>@bucket/x")
    assert "secret" not in log + json.dumps(answer)


@pytest.mark.parametrize(
    ("store", "problem"),
    [
        ("mysql://me:secret@host/runs", "neither 'memory:', a path"),
        ("{folder}", "it is a folder, not a file"),
        ("{folder}/pyproject.toml", "not a database of SQLite"),
        ("sqlite:///{folder}/pyproject.toml/runs.db", "is a file, not a folder"),
    ],
)
def test_a_wrong_store_is_one_line(tiny: Path, command, store: str, problem: str) -> None:
    done = command("serve", tiny, "--port", "0", "--store", store.format(folder=tiny))
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("Error: StoreUrlError: The store '")
    assert problem in line
    assert "secret" not in line


def test_a_webhook_without_its_secret_is_one_line(tiny: Path, command) -> None:
    with (tiny / "pyproject.toml").open("a") as file:
        file.write('[tool.kedro-asgi.notify.ops]\nurl = "https://host"\nsecret_env = "NO_SUCH_SECRET"\n')
    done = command("serve", tiny, "--port", "0")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("Error: WebhookError: The webhook 'notify.ops' cannot be used: 'secret_env' names")


@pytest.mark.parametrize("workers", [1, 2])
def test_a_schedule_that_cannot_be_read_is_one_line(tiny: Path, command, workers: int) -> None:
    with (tiny / "pyproject.toml").open("a") as file:
        file.write('[tool.kedro-asgi.schedules.daily]\ncron = "61 6 * * *"\n')
    done = command("serve", tiny, "--port", "0", "--workers", workers)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("Error: ")
    assert "[tool.kedro-asgi.schedules.daily]" in line


def test_serve_says_what_it_serves_and_how_to_run_it(tiny: Path, start) -> None:
    server = start("kedro_asgi", "serve", tiny)
    assert f"Serving Made (package {next((tiny / 'src').iterdir()).name}) from {tiny}" in server.log()
    assert f"dashboard  {server.url}/dashboard/\n  docs       {server.url}/docs\n" in server.log()
    (told,) = [line for line in server.log().splitlines() if "curl" in line]
    line = told.partition("run it")[2]
    assert json.loads(subprocess.run(line, shell=True, capture_output=True, check=True).stdout)["status"] == "success"


def test_reload_restarts_for_configuration_and_code_but_not_for_data(tiny: Path, start) -> None:
    server = start("kedro_asgi", "serve", tiny, "--reload")

    def wait_for(total: int) -> None:
        deadline = time.monotonic() + 60
        while True:
            try:
                answer = httpx.post(f"{server.url}/run", json={"outputs": ["d"]}, timeout=30).json()
                if answer.get("outputs") == {"d": total}:
                    return
            except httpx.TransportError:
                # The server restarts.
                pass
            assert time.monotonic() < deadline, server.log()

    wait_for(6)
    (tiny / "data").mkdir(exist_ok=True)
    (tiny / "data" / "saved.yml").write_text("x: 1\n")
    (tiny / "conf" / "base" / "parameters.yml").write_text("a: 10\nb: 2\n")
    wait_for(24)
    (tiny / "conf" / "local").mkdir(exist_ok=True)
    (tiny / "conf" / "local" / "parameters_new.yml").write_text("a: 20\n")
    wait_for(44)
    server.log_with("parameters.yml")
    assert "saved.yml" not in server.log()


def test_demo_does_not_run_a_project_that_it_did_not_write(tiny: Path, command) -> None:
    done = command("demo", tiny, "--port", "0")
    assert done.returncode == 1
    assert "did not write, so it is not run" in done.stderr
    assert "Traceback" not in done.stderr


def test_demo_checks_its_port_first(command, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = command("demo", tmp_path / "new", "--port", taken.getsockname()[1])
    assert done.returncode == 1
    assert "Address already in use" in done.stderr
    assert not (tmp_path / "new").exists()

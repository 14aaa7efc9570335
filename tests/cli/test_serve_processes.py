"""Real servers that execute runs in processes, of their own or of a Dask cluster that they start."""

import signal
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from serving import until

REGISTRY = """
import os, re, time
from kedro_asgi.pipeline import Pipeline, node

def tell(x):
    print("printed by a node", flush=True)
    return os.getpid()

def crash(x):
    os.abort()

def hold_gil(x):
    return re.match("(a+)+b", "a" * 60)

def sleep(x):
    time.sleep(600)

def train(slope):
    return {"slope": slope}

def predict(model):
    return model["slope"]

def register_pipelines():
    tell_pid = Pipeline([node(tell, "params:a", "pid", name="tell")])
    return {
        "__default__": tell_pid,
        "in_thread": Pipeline([node(tell, "params:a", "own_pid", name="tell")]),
        "crash": Pipeline([node(crash, "params:a", "none", name="crash")]),
        "stuck": Pipeline([node(hold_gil, "params:a", "never", name="stuck")]),
        "asleep": Pipeline([node(sleep, "params:a", "never", name="asleep")]),
        "train": Pipeline([node(train, "params:a", "model", name="train")]),
        "predict": Pipeline([node(predict, "model", "predicted", name="predict")]),
        "param": Pipeline([node(float, "params:a", "number", name="number")]),
    }
"""

# Each starts several processes, which takes seconds.
pytestmark = pytest.mark.slow

CATALOG = "model:\n  type: json.JSONDataset\n  filepath: data/model.json\n"


@pytest.fixture
def project(make_project) -> Path:
    project = make_project(REGISTRY, catalog=CATALOG)
    with (project / "pyproject.toml").open("a") as file:
        file.write('\n[tool.kedro-asgi]\npreload = ["model"]\n[tool.kedro-asgi.executors]\nin_thread = "thread"\n')
    (project / "data").mkdir()
    (project / "data" / "model.json").write_text('{"slope": 0}')
    return project


@pytest.mark.parametrize(("executor", "gauge"), [("process", "run_processes_open"), ("dask", "dask_workers")])
def test_a_server_with_processes(project: Path, start, executor: str, gauge: str) -> None:
    server = start("kedro_asgi", "serve", project, "--executor", executor)

    def run(pipeline: str, output: str, **body: object) -> object:
        wanted = {"pipeline_names": [pipeline], "outputs": [output], **body}
        answer = httpx.post(f"{server.url}/run", json=wanted, timeout=60).json()
        assert "outputs" in answer, answer
        return answer["outputs"][output]

    until(lambda: httpx.get(f"{server.url}/ready").status_code == 200)
    assert f"kedro_asgi_{gauge}" in httpx.get(f"{server.url}/metrics").text
    pid = run("__default__", "pid")
    assert pid != server.process.pid
    # The options of the project name the executor of a pipeline.
    assert run("in_thread", "own_pid") == server.process.pid
    server.log_with("printed by a node")
    # What a run saves, every later run finds, in any process.
    httpx.post(f"{server.url}/run", json={"pipeline_names": ["train"], "params": {"a": 3}}, timeout=60)
    assert {run("predict", "predicted") for _ in range(4)} == {3}
    # So does what a reload reads.
    (project / "conf" / "base" / "parameters.yml").write_text("a: 5\n")
    assert httpx.post(f"{server.url}/reload", timeout=60).status_code == 200
    assert {run("param", "number") for _ in range(4)} == {5.0}
    processes = children(server.process.pid)
    assert pid in processes
    server.process.send_signal(signal.SIGINT)
    assert server.process.wait(120) == 0
    until(lambda: not any(is_running(found) for found in processes))


@pytest.mark.parametrize(
    ("pipeline", "options"),
    [("stuck", ("process",)), ("asleep", ("dask",)), ("asleep", ("dask", "--workers", "2"))],
)
def test_a_server_that_is_killed_leaves_no_process(
    project: Path, start, pipeline: str, options: tuple[str, ...]
) -> None:
    server = start("kedro_asgi", "serve", project, "--executor", *options)
    record = httpx.post(f"{server.url}/runs", json={"pipeline_names": [pipeline]}).json()
    wait_for_node(server.url, record["run_id"])
    processes = children(server.process.pid)
    server.process.kill()
    server.process.wait()
    until(lambda: not any(is_running(pid) for pid in processes))


def test_a_pipeline_that_crashes_is_refused_for_a_while(project: Path, start) -> None:
    server = start("kedro_asgi", "serve", project, "--executor", "process", "--max-run-memory", "1GiB")
    body = {"pipeline_names": ["crash"]}
    for _ in range(3):
        answer = httpx.post(f"{server.url}/run", json=body, timeout=60).json()
        assert answer["error"]["type"] == "RunCrashedError"
        assert (answer["error"]["node"], "SIGABRT" in answer["error"]["message"]) == ("crash", True)
    for route in ("run", "runs"):
        refused = httpx.post(f"{server.url}/{route}", json=body)
        assert (refused.status_code, refused.json()["type"]) == (503, "urn:kedro-asgi:problem:pipeline-crashing")
        assert 1 <= int(refused.headers["Retry-After"]) <= 10
    assert 'kedro_asgi_runs_refused_total{reason="PipelineCrashingError"} 2' in httpx.get(f"{server.url}/metrics").text
    assert httpx.post(f"{server.url}/run", json={}, timeout=60).json()["status"] == "success"


def wait_for_node(url: str, run_id: str) -> None:
    """Read the events of a run until its first node has begun."""
    with httpx.stream("GET", f"{url}/runs/{run_id}/events") as answer:
        assert any("NodeStarted" in line for line in answer.iter_lines())


def children(pid: int) -> list[int]:
    """Return the processes that a process has started, directly or not; none if it has ended by now."""
    found: list[int] = []
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with suppress(OSError):
                found += map(int, (task / "children").read_text().split())
    return found + [pid for child in found for pid in children(child)]


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False

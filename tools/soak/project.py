"""The project that the soak serves: each pipeline answers with the number that its request brought."""

import json
from pathlib import Path

from soak.webhooks import SECRET_VARIABLE, TIMEOUT_SECONDS, WEBHOOKS, Webhook

PACKAGE = "soaked"
SCHEDULE = "ticking"

_REGISTRY = """
import logging, os, time
from typing import TypedDict

import anyio

from kedro_asgi.pipeline import Pipeline, node

log = logging.getLogger("soaked")

class Row(TypedDict):
    n: int

def note(number):
    # One write at the end of a file is whole, whichever process makes it.
    journal = os.open("{folder}/journal", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(journal, f"{number}\\n".encode())
    os.close(journal)
    return number

def double(number):
    return {"number": number, "double": 2 * number}

def compute(number):
    value = number
    for step in range(60_000):
        value = (value * 31 + step) % 1_000_003
    return {"number": number, "value": value}

def total(rows: list[Row], number: int) -> dict[str, int]:
    note(number)
    return {"number": number, "total": sum(row["n"] for row in rows)}

def fail(number):
    log.warning("number %s is about to fail", number)
    raise ValueError(f"boom {number}")

def fail_twice(number):
    path = f"{folder}/attempts/{number}"
    with open(path, "a") as file:
        file.write(".")
    if os.path.getsize(path) < 3:
        raise ConnectionError(f"not yet {number}")
    os.remove(path)
    return {"number": number}

async def await_long(number, seconds):
    await anyio.sleep(seconds)
    return {"number": number}

def sleep(number, seconds):
    time.sleep(seconds)
    return {"number": number}

def repeat(number):
    return [number] * 20_000

def chunks(number):
    for part in range(4):
        yield {"number": number, "part": part}

def stream(number, parts, seconds, fails):
    for part in range(parts):
        yield {"number": number, "part": part, "text": "x" * 2_000}
        time.sleep(seconds)
    if fails:
        raise ValueError(f"boom {number}")

def double_rows(rows):
    # Several orders may be in one batch.
    for number in {row["number"] for row in rows}:
        note(number)
    # The next batch fills meanwhile.
    time.sleep(0.1)
    for row in rows:
        if row["is_bad"]:
            raise ValueError(f"boom {row['number']}")
    return [{"number": row["number"], "row": row["row"], "double": 2 * row["number"]} for row in rows]

def measure(number, block):
    return {"number": number, "length": len(block)}

def predict(number, model):
    return {"number": number, "predicted": model["factor"] * number}

def train(number):
    return {"factor": 3}

def crash(number):
    os.abort()

def piped(*nodes):
    return Pipeline([node(note, "params:number", "noted", name="note"), *nodes])

def last(function, *more, output="answer"):
    return node(function, ["noted", *more], output, name=function.__name__)

def register_pipelines():
    pipelines = {
        "double": piped(last(double)),
        "compute": piped(last(compute)),
        "fail": piped(last(fail)),
        "flaky": piped(last(fail_twice)),
        "await": piped(last(await_long, "params:seconds")),
        "sleep": piped(last(sleep, "params:seconds")),
        "repeat": piped(last(repeat)),
        "chunks": piped(last(chunks)),
        "stream": piped(last(stream, "params:parts", "params:seconds", "params:fails")),
        "rows": Pipeline([node(double_rows, "rows", "answer", name="rows")]),
        "measure": piped(last(measure, "block")),
        "predict": piped(last(predict, "model")),
        "train": piped(last(train, output="model")),
        "total": Pipeline([node(total, ["rows", "params:number"], "answer", name="total")]),
    }
    in_processes = {f"{name}_process": pipeline for name, pipeline in pipelines.items()}
    alone = {"tick": piped(last(double)), "crash_process": piped(last(crash))}
    return {"__default__": pipelines["double"], **pipelines, **in_processes, **alone}
"""
_DATASETS = """
import json, os, uuid
from pathlib import Path

from kedro_asgi.io import AbstractDataset

class WholeFileDataset(AbstractDataset):
    # Runs save the file while others read it.
    def __init__(self, filepath):
        self._path = Path(filepath)

    def load(self):
        return json.loads(self._path.read_text())

    def save(self, data):
        aside = self._path.with_name(uuid.uuid4().hex)
        aside.write_text(json.dumps(data))
        os.replace(aside, self._path)

    def _exists(self):
        return self._path.exists()

    def _describe(self):
        return {"path": str(self._path)}
"""
_CATALOG = """
model:
  type: soaked.datasets.WholeFileDataset
  filepath: data/model.json
"""
_PYPROJECT = f"""
[tool.kedro]
package_name = "{PACKAGE}"
project_name = "Soaked"
kedro_init_version = "1.7.0"

[tool.kedro-asgi]
preload = ["model"]

[tool.kedro-asgi.executors]
{{executors}}

[tool.kedro-asgi.batching]
rows = {{{{ inputs = ["rows"], outputs = ["answer"] }}}}
rows_process = {{{{ inputs = ["rows"], outputs = ["answer"] }}}}

# Of the ticks that pass without a server, each has a run.
[tool.kedro-asgi.schedules.{SCHEDULE}]
cron = "* * * * * *"
pipeline = "tick"
on_interrupt = "rerun"
missed = "run-all"
start_deadline_seconds = 86400
max_missed = 1000

{{webhooks}}
"""
_WEBHOOK = """
[tool.kedro-asgi.notify.{name}]
url = "{url}/{name}"
secret_env = "{secret_env}"
on = {ends}
timeout_seconds = {timeout_seconds}
{pipelines}
"""
PIPELINES = (
    *("double", "compute", "fail", "flaky", "await", "sleep", "repeat"),
    *("chunks", "measure", "predict", "train", "total", "stream", "rows"),
)


def write_soaked_project(folder: Path, *, receiver_url: str) -> Path:
    """Write the project below ``folder``, where its nodes also note what they execute, and return its path."""
    executors = "\n".join(f'{name}_process = "process"' for name in (*PIPELINES, "crash"))
    files = {
        "pyproject.toml": _PYPROJECT.format(executors=executors, webhooks=_webhooks(receiver_url)),
        "conf/base/catalog.yml": _CATALOG,
        "conf/base/parameters.yml": "number: 0\nseconds: 0.0\nparts: 4\nfails: false\n",
        "conf/local/.gitkeep": "",
        "data/model.json": '{"factor": 3}',
        f"src/{PACKAGE}/__init__.py": "",
        f"src/{PACKAGE}/settings.py": "",
        f"src/{PACKAGE}/datasets.py": _DATASETS,
        f"src/{PACKAGE}/pipeline_registry.py": _REGISTRY.replace("{folder}", str(folder)),
    }
    (folder / "attempts").mkdir()
    for path, text in files.items():
        target = folder / "project" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return folder / "project"


def _webhooks(receiver_url: str) -> str:
    return "\n".join(_webhook_section(name, webhook, receiver_url) for name, webhook in WEBHOOKS.items())


def _webhook_section(name: str, webhook: Webhook, receiver_url: str) -> str:
    return _WEBHOOK.format(
        name=name,
        url=receiver_url,
        secret_env=SECRET_VARIABLE,
        ends=json.dumps(webhook.ends),
        timeout_seconds=TIMEOUT_SECONDS,
        pipelines="" if webhook.pipelines is None else f"pipelines = {json.dumps(webhook.pipelines)}",
    )

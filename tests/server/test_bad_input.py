"""Bad input: the error names the problem and its place, and nothing has changed."""

import json
import logging
import shutil
import time
from pathlib import Path

import pytest

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio"])]

COPY = """
from kedro_asgi.pipeline import Pipeline, node

def same(x):
    return x

def register_pipelines():
    return {
        "__default__": Pipeline([node(same, "raw", "copy", name="copy")]),
        "odd": Pipeline([node(same, "nowhere", "odd", name="odd")]),
        "none": Pipeline([node(lambda x: None, "params:a", "copy", name="none")]),
    }
"""
CATALOG = """
raw:
  type: json.JSONDataset
  filepath: data/raw.json
copy:
  type: json.JSONDataset
  filepath: data/copy.json
"""


@pytest.fixture
def project(make_project) -> Path:
    project: Path = make_project(COPY, catalog=CATALOG)
    (project / "data").mkdir()
    (project / "data" / "raw.json").write_text("[1, 2]")
    (project / "data" / "copy.json").write_text('"before"')
    return project


async def failure(client, **body: object) -> tuple[str, str]:
    answer = (await client.post("/run", json=body)).json()
    assert answer["status"] == "failure", answer
    assert "Traceback" not in answer["error"]["message"]
    return answer["error"]["type"], answer["error"]["message"]


@pytest.mark.parametrize(
    ("raw", "shown"),
    [(None, "No such file or directory"), ("[1, ", "Expecting value")],
)
async def test_a_dataset_that_does_not_load_is_named(project: Path, serve, raw: str | None, shown: str) -> None:
    file = project / "data" / "raw.json"
    file.unlink()
    if raw is not None:
        file.write_text(raw)
    kind, message = await failure(serve(project))
    assert kind == "DatasetError"
    assert message.startswith("raw: Failed while loading data from dataset")
    assert shown in message
    assert (project / "data" / "copy.json").read_text() == '"before"'


async def test_a_missing_input_is_named(project: Path, serve) -> None:
    kind, message = await failure(serve(project), pipeline_names=["odd"])
    assert (kind, "Pipeline input(s) {'nowhere'} not found in the DataCatalog" in message) == ("ValueError", True)


async def test_a_failed_save_leaves_the_file_unchanged(project: Path, serve) -> None:
    (project / "data" / "raw.json").write_text("[1]")
    for body in ({"pipeline_names": ["none"]}, {"inputs": {"raw": None}}):
        _, message = await failure(serve(project), **body)
        assert message.startswith("copy: Saving 'None'")
    assert (project / "data" / "copy.json").read_text() == '"before"'
    assert sorted(path.name for path in (project / "data").iterdir()) == ["copy.json", "raw.json"]


async def test_a_missing_configuration_folder_is_named(project: Path, serve) -> None:
    shutil.rmtree(project / "conf" / "base")
    kind, message = await failure(serve(project))
    assert kind == "MissingConfigException"
    assert f"does not exist or is not a valid directory: {project}/conf/base" in message


async def test_broken_yaml_is_reported_with_file_and_line(project: Path, serve) -> None:
    (project / "conf" / "base" / "parameters.yml").write_text("a: 1\nb: {\nc: ]\n")
    kind, message = await failure(serve(project))
    assert kind == "ParserError"
    assert f"Invalid YAML or JSON file {project}/conf/base/parameters.yml, unable to read line 3" in message


async def test_unknown_nodes_and_pipelines_are_named_with_suggestions(project: Path, serve) -> None:
    client = serve(project)
    assert "nodes named ['cpy']" in (await failure(client, node_names=["cpy"]))[1]
    assert (await failure(client, pipeline_names=["od"]))[1].endswith("Did you mean one of these instead?\n    odd")


async def test_the_logging_of_the_host_is_unchanged(project: Path, serve, caplog: pytest.LogCaptureFixture) -> None:
    root = logging.getLogger()
    before = (list(root.handlers), root.level, root.manager.disable)
    await serve(project).post("/run", json={})
    assert (list(root.handlers), root.level, root.manager.disable) == before
    assert not logging.getLogger("kedro_asgi").handlers


@pytest.mark.parametrize(
    "body",
    [
        {"node_names": ["x" * 100_000 + "@"]},
        {"load_versions": {"." * 100_000: "v"}},
        {"tags": [1] * 500_000},
        {"tags": ["t" * 1_000_000]},
        {"tags": [f"tag-{number}" for number in range(50_000)]},
        {"inputs": {f"data-{number}": 1 for number in range(10_000)}},
        {"load_versions": {f"data-{number}": "v" for number in range(10_000)}},
        {"pipeline_names": ["calc"] * 100_000},
        {"pipeline_names": ["x" * 1_000_000]},
    ],
)
async def test_a_small_bad_request_gets_a_small_and_quick_answer(make_project, serve, body: dict) -> None:
    catalog = '"{a}.{b}.{c}@x":\n  type: MemoryDataset\n'
    client = serve(make_project(catalog=catalog))
    await client.post("/run", json={})
    started = time.process_time()  # other work may load the machine
    answer = await client.post("/run", json=body)
    assert time.process_time() - started < 6
    assert answer.status_code in (200, 422)
    assert len(answer.content) < 2 * len(json.dumps(body)) + 20_000


async def test_a_mistake_of_the_caller_is_logged_as_one_line(tiny: Path, serve, caplog) -> None:
    client = serve(tiny)
    await client.post("/run", json={"pipeline_names": ["calk"]})
    await client.post("/run", json={"inputs": {"nope": 1}})
    failures = [record.message for record in caplog.records if " failed: " in record.message]
    assert len(failures) == 2
    assert "ValueError: " in failures[0]
    assert "calk" in failures[0]
    assert "Traceback" not in caplog.text


async def test_answers_and_logs_hide_a_password_in_an_error(make_project, serve, caplog) -> None:
    registry = """
    from kedro_asgi.pipeline import Pipeline, node

    def connect(a):
        raise ConnectionError("cannot reach postgres://user:s3cret@db.example/prod")

    def register_pipelines():
        return {"__default__": Pipeline([node(connect, "params:a", "b", name="connect")])}
    """
    caplog.set_level(logging.DEBUG)
    _, message = await failure(serve(make_project(registry)))
    assert message == "cannot reach postgres://<redacted>@db.example/prod"
    assert "Traceback" in caplog.text
    assert "s3cret" not in caplog.text

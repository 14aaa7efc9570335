"""Records, answers and logs tell of a failure: the node, the place in the user's code, and the causes."""

from pathlib import Path

import pytest

from kedro_asgi.dispatch import Dispatcher, Policy
from kedro_asgi.events import LogLine
from kedro_asgi.failures import MAX_CHARACTERS, describe_failure
from kedro_asgi.runs import RunRecord
from kedro_asgi.session import AsyncSession
from kedro_asgi.tracebacks import folded_traceback

FAILING = """
import json, logging
import anyio
from kedro_asgi.io import AbstractDataset
from kedro_asgi.pipeline import Pipeline, node

class Odd(AbstractDataset):
    def _load(self):
        return json.loads("{")
    def _save(self, data):
        pass
    def _describe(self):
        return {}

def parse(x):
    try:
        int("x")  # the cause
    except ValueError as error:
        raise LookupError("no number") from error  # the failure

def long(x):
    logging.getLogger("project").warning("y" * 50_000)
    raise ValueError("x" * 10_000 + "s3://user:secret@host" + "x" * 1_000_000)

def library(x):
    json.loads("{")  # calls the library

async def group(x):
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(member)

async def member():
    raise KeyError("of the group")  # the member

def retry(x):
    error = ValueError("try 0")
    for number in range(1, 3000):
        before, error = error, ValueError(f"try {number}")
        error.__context__ = before
    raise error

class Mute(Exception):
    def __str__(self):
        raise type(self)

def mute(x):
    raise Mute

class Leaving(Exception):
    def __str__(self):
        raise SystemExit("leaving")

def leave(x):
    raise Leaving

ALWAYS = ValueError("always the same object")

def always(x):
    raise ALWAYS

def always_too(x):
    raise ALWAYS

def take(odd):
    return odd

def register_pipelines():
    functions = (parse, long, library, group, retry, mute, leave, always, always_too)
    names = {function.__name__: function for function in functions}
    found = {name: Pipeline([node(function, "params:a", "out", name=name)]) for name, function in names.items()}
    return {"__default__": Pipeline([]), **found, "dataset": Pipeline([node(take, "odd", "out", name="take")])}
"""


@pytest.fixture
def failing(make_project) -> Path:
    project = make_project(FAILING)
    package = next((project / "src").iterdir()).name
    (project / "conf" / "base" / "catalog.yml").write_text(f"odd:\n  type: {package}.pipeline_registry.Odd\n")
    return project


def line_of(project: Path, text: str) -> tuple[str, int]:
    """Return the file of the pipelines, and the number of the line that ends with ``text``."""
    file = next((project / "src").rglob("pipeline_registry.py"))
    numbers = [number for number, line in enumerate(file.read_text().splitlines(), 1) if line.endswith(text)]
    return str(file), numbers[0]


async def fail(project: Path, pipeline: str, *, policy: Policy | None = None, **arguments: object) -> RunRecord:
    async with (
        AsyncSession.create(project_path=project) as session,
        Dispatcher(session, policy=policy or Policy(full_tracebacks=False)) as runs,
    ):
        run = await runs.submit([pipeline], **arguments)
        return await runs.wait(run.run_id)


@pytest.mark.anyio
@pytest.mark.parametrize("runner", ["SequentialRunner", "ThreadRunner", "ParallelRunner"])
async def test_a_failure_names_the_node_the_place_and_the_causes(failing: Path, runner: str) -> None:
    error = (await fail(failing, "parse", runner=runner)).error
    assert (error.type, error.message, error.node) == ("LookupError", "no number", "parse")
    assert (error.file, error.line) == line_of(failing, "# the failure")
    (cause,) = error.causes
    assert (cause.type, cause.file, cause.line) == ("ValueError", *line_of(failing, 'int("x")  # the cause'))
    (frame,) = error.frames
    assert (frame.file, frame.line, frame.function) == (error.file, error.line, "parse")
    assert frame.code == 'raise LookupError("no number") from error  # the failure'
    assert [found.code for found in cause.frames] == ['int("x")  # the cause']


@pytest.mark.anyio
async def test_frames_of_libraries_are_left_out(failing: Path) -> None:
    error = (await fail(failing, "library")).error
    assert [frame.function for frame in error.frames] == ["library"]


@pytest.mark.anyio
async def test_the_place_is_in_the_users_code_also_where_a_library_raises(failing: Path) -> None:
    error = (await fail(failing, "library")).error
    assert (error.node, error.file, error.line) == ("library", *line_of(failing, "# calls the library"))


@pytest.mark.anyio
async def test_the_members_of_a_group_are_causes(failing: Path) -> None:
    error = (await fail(failing, "group")).error
    assert error.type == "ExceptionGroup"
    assert (error.causes[0].type, error.causes[0].line) == ("KeyError", line_of(failing, "# the member")[1])


@pytest.mark.anyio
async def test_a_dataset_that_fails_names_its_node_and_its_cause(failing: Path) -> None:
    error = (await fail(failing, "dataset")).error
    assert (error.type, error.node, error.causes[-1].type) == ("DatasetError", "take", "JSONDecodeError")
    assert (error.file, error.line) == line_of(failing, 'return json.loads("{")')


@pytest.mark.anyio
async def test_the_log_shows_the_frames_of_the_user_and_all_frames_if_told(
    failing: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await fail(failing, "parse")
    assert "frames of kedro-asgi left out" in caplog.text
    assert "# the cause" in caplog.text
    assert "kedro_asgi/" not in caplog.text
    caplog.clear()
    await fail(failing, "parse", policy=Policy(full_tracebacks=True))
    assert "kedro_asgi/runner/task.py" in caplog.text


@pytest.mark.anyio
async def test_long_texts_are_cut_in_records_and_events_and_whole_once_in_the_log(
    failing: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with AsyncSession.create(project_path=failing) as session, Dispatcher(session) as runs:
        run = await runs.submit(["long"])
        events = [told.event async for told in runs.follow(run.run_id)]
        error = (await runs.wait(run.run_id)).error
    assert error.message.startswith("x" * MAX_CHARACTERS + "… (")
    assert error.message.endswith(" characters left out)")
    assert max(len(event.message) for event in events if isinstance(event, LogLine)) < MAX_CHARACTERS + 50
    whole = [record for record in caplog.records if "x" * 1_000_000 in record.getMessage()]
    assert len(whole) == 1
    assert "secret" not in caplog.text


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("pipeline", "kind", "message"),
    [
        ("retry", "ValueError", "try 2999"),
        ("mute", "Mute", "This error has no text, since its '__str__' raises."),
        ("leave", "SystemExit", "leaving"),
    ],
)
async def test_a_run_ends_however_hard_its_error_is_to_describe(
    failing: Path, pipeline: str, kind: str, message: str
) -> None:
    async with AsyncSession.create(project_path=failing) as session, Dispatcher(session) as runs:
        run = await runs.submit([pipeline])
        error = (await runs.wait(run.run_id)).error
    assert error is not None
    assert (error.type, error.message, error.node) == (kind, message, pipeline)


@pytest.mark.anyio
async def test_an_error_that_is_raised_in_several_runs_names_the_node_of_each(failing: Path) -> None:
    assert [(await fail(failing, name)).error.node for name in ("always", "always_too")] == ["always", "always_too"]


def test_a_message_that_is_cut_shows_no_part_of_a_credential() -> None:
    error = ValueError("x" * (MAX_CHARACTERS - 10) + " s3://user:secret@host/path")
    assert "secret" not in describe_failure(error).message


def test_a_traceback_that_holds_itself_ends() -> None:
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    assert folded_traceback(first).count("ValueError: second") == 1
    assert [cause.message for cause in describe_failure(first).causes] == ["second"]


def test_a_message_cannot_forge_a_line_of_a_traceback() -> None:
    assert "\n    2026 forged\\x1b" in folded_traceback(ValueError("text\n2026 forged\x1b"))

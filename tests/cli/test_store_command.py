"""``kedro-asgi store``: what an operator types."""

import json
import os
import secrets
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from kedro_asgi.cli import main
from kedro_asgi.dispatch.stores.sqlite import SQLiteStore
from serving import Process


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty store, which the commands take where no other is named."""
    path = tmp_path / "runs.db"
    made = SQLiteStore(path)
    made.open("me")
    made.close()
    monkeypatch.setenv("KEDRO_SERVER_STORE", str(path))
    return path


def invoke(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["store", *map(str, arguments)])
    return result.exit_code, result.output


def test_the_commands_say_what_they_did(store: Path, tmp_path: Path) -> None:
    code, text = invoke("backup", tmp_path / "backup.db")
    assert (code, text.startswith(f"{tmp_path / 'backup.db'}: 0 runs, ")) == (0, True)
    code, text = invoke("check", "--store", tmp_path / "backup.db")
    assert (code, text.endswith("The store is sound.\n")) == (0, True)
    code, text = invoke("check", "--json")
    assert (code, json.loads(text)["problems"], json.loads(text)["store"]) == (0, [], str(store))
    code, text = invoke("vacuum", "--keep-runs", "5", "--keep-bytes", "1GiB", "--keep-days", "1.5")
    assert (code, text.startswith(f"{store}: 0 runs deleted, ")) == (0, True)
    assert invoke("delete", "run-1") == (1, "Error: RunNotFoundError: There is no run 'run-1'.\n")


def test_a_problem_is_named_and_is_the_exit_code(store: Path) -> None:
    opened = SQLiteStore(store)
    with opened.transaction(writes=True) as connection:
        connection.execute("INSERT INTO outputs (run_id, name, value) VALUES ('run-1\n', 'x', 'no json')")
    code, text = invoke("check")
    assert code == 1
    assert "PROBLEM unreadable_output run-1" in text
    assert text.endswith("Problems: 2.\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("check", "--store", "memory:"), "it is in the memory of a server"),
        (("backup", "b.db", "--store", "none.db"), "there is no such file"),
        (("check", "--store", "mysql://host"), "it is neither 'memory:'"),
        (("check", "--store", "postgresql://me:secret@127.0.0.1:1/db"), "Connection refused"),
        (("backup", "none/b.db"), "there is no folder"),
    ],
)
def test_an_error_is_one_line_without_secrets(store: Path, arguments: tuple[str, ...], message: str) -> None:
    code, text = invoke(*arguments)
    assert (code, message in text) == (1, True)
    assert text.startswith("Error: ")
    assert "secret" not in text


@contextmanager
def without_rights(path: Path) -> Iterator[None]:
    """Take the rights to read ``path`` from this process, which may be one of root."""
    path.chmod(0)
    effective = os.geteuid()
    if effective == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(effective)


def test_a_store_that_may_not_be_read_is_named(store: Path) -> None:
    # What the command imports late is not for all users to read.
    assert invoke("check")[0] == 0
    with without_rights(store):
        code, text = invoke("check")
    text = text.removeprefix(f"Error: StoreUrlError: The store '{store}' cannot be used: ")
    assert (code, text) == (1, "it cannot be read (Permission denied).\n")


def test_a_server_does_not_start_with_a_damaged_store(tiny: Path, store: Path, command) -> None:
    store.write_bytes(store.read_bytes()[:5000])
    done = command("serve", tiny, "--port", "0", "--store", store)
    assert done.returncode == 1
    assert f"The store '{store}' cannot be used: the file is damaged" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("days", ["0", "36501", "1e12", "inf"])
def test_a_number_of_days_has_a_range(store: Path, days: str) -> None:
    code, text = invoke("vacuum", "--keep-days", days)
    assert (code, "is not in the range 0<x<=36500" in text) == (2, True)


@pytest.mark.parametrize(("option", "value"), [("--keep-days", "nan"), ("--keep-runs", "9" * 30)])
def test_a_limit_that_no_store_can_compare_is_named(store: Path, option: str, value: str) -> None:
    code, text = invoke("vacuum", option, value)
    assert (code, f"Invalid value for '{option}'" in text) == (2, True)


def test_a_project_has_a_store_where_none_is_named(work: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made = SQLiteStore(work / ".kedro-asgi" / "runs.db")
    made.open("me")
    made.close()
    code, text = invoke("check", "--project", work)
    assert (code, str(work) in text) == (0, True)
    monkeypatch.chdir(work)
    assert invoke("check")[0] == 0
    monkeypatch.chdir(tmp_path.parent)
    code, text = invoke("check")
    assert (code, "There is no Kedro project here" in text) == (2, True)


def test_the_command_for_a_backup_of_postgresql_has_no_password() -> None:
    url = "postgresql://me:pa%20ss@db.example:5433/runs?sslmode=verify-full&password=x"
    code, text = invoke("backup", "my backup", "--store", url)
    assert code == 1
    assert (
        "pg_dump --format=custom --schema=kedro_asgi '--file=my backup' "
        "'postgresql://me@db.example:5433/runs?sslmode=verify-full'\n"
    ) in text
    assert "pa%20ss" not in text


# --- backup and restore, as docs/deploying/backup.md describes them ---

BODY = {"pipeline_names": ["calc"]}


def submit_until(server: Process, is_over: threading.Event, promised: dict[str, str]) -> None:
    """Submit runs until the server is gone; ``promised`` gets the id of each when its caller has it."""
    with httpx.Client(base_url=server.url, timeout=30) as client:
        while not is_over.is_set():
            key = secrets.token_hex(8)
            try:
                answer = client.post("/runs", json=BODY, headers={"Idempotency-Key": key})
            except httpx.HTTPError:
                return
            if answer.status_code == 202:
                promised[key] = answer.json()["run_id"]


@pytest.mark.slow
def test_every_run_that_was_promised_before_a_backup_is_there_after_a_restore(
    work: Path, start, command, tmp_path: Path
) -> None:
    store = tmp_path / "data" / "runs.db"
    environ = {"KEDRO_SERVER_MAX_CONCURRENT_RUNS": "1", "KEDRO_SERVER_STORE": str(store)}
    server = start("kedro_asgi", "serve", work, "--workers", "2", **environ)
    is_over, promised = threading.Event(), dict[str, str]()
    callers = [threading.Thread(target=submit_until, args=(server, is_over, promised)) for _ in range(4)]
    for caller in callers:
        caller.start()
    while len(promised) < 100:
        is_over.wait(0.01)
    before = dict(promised)
    made = command("store", "backup", tmp_path / "backup.db", environ=environ)
    assert made.returncode == 0, made.stderr
    server.kill()
    is_over.set()
    for caller in callers:
        caller.join()
    # Restore: stop, remove the store and its log, copy, start.
    for left in store.parent.glob("runs.db*"):
        left.unlink()
    shutil.copy(tmp_path / "backup.db", store)
    server.restart()
    with httpx.Client(base_url=server.url, timeout=60) as client:
        again = [client.post("/runs", json=BODY, headers={"Idempotency-Key": key}).json()["run_id"] for key in before]
        ended = [client.get(f"/runs/{run_id}", params={"wait": 60}).json() for run_id in before.values()]
    # Each is there once: its key leads to it.
    assert again == list(before.values())
    assert {record["status"] for record in ended} <= {"success", "interrupted"}
    listed = command("store", "check", "--json", environ=environ)
    report = json.loads(listed.stdout)
    assert (listed.returncode, report["problems"]) == (0, [])
    assert sum(report["runs"].values()) >= len(before)

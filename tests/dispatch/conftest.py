"""Dispatchers over real projects, on every store."""

import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kedro_asgi.dispatch import Dispatcher, Policy
from kedro_asgi.dispatch.stores.base import Store
from kedro_asgi.dispatch.stores.sqlite import SQLiteStore
from kedro_asgi.session import AsyncSession

MakeDispatcher = Callable[..., Dispatcher]
OpenStore = Callable[..., Store]


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return "memory:" if request.param == "memory" else str(tmp_path / "runs.db")


@pytest.fixture
def dispatcher(work: Path) -> MakeDispatcher:
    """Return a function that makes a dispatcher for the project; open it with ``async with``."""

    def make(store: str | Path = "memory:", **policy: object) -> Dispatcher:
        session = AsyncSession.create(project_path=work)
        return Dispatcher(session, store=store, policy=Policy(**{"grace_seconds": 0.1, **policy}))

    return make


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def open_worker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenStore]:
    """Return a function that opens the store as a worker; a store in memory has only one worker."""
    opened: list[Store] = []
    make: Callable[..., Store]
    match request.param:
        case "memory":
            make = SQLiteStore
            arguments: tuple[object, ...] = (None,)
            options: dict[str, object] = {}
        case "sqlite":
            make, arguments, options = SQLiteStore, (tmp_path / "runs.db",), {}
        case _:
            from kedro_asgi.dispatch.stores.postgres import PostgresStore

            make, arguments = PostgresStore, (request.getfixturevalue("postgres_url"),)
            options = {"schema": f"test_{uuid.uuid4().hex}"}

    def open_as(owner: str = "me", **more: object) -> Store:
        store = make(*arguments, **options, **more)
        opened.append(store)
        store.open(owner)
        return store

    yield open_as
    for store in opened:
        store.close()


@pytest.fixture(params=["sqlite", "postgres"])
def shared_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A store that several processes share."""
    if request.param == "sqlite":
        yield str(tmp_path / "runs.db")
        return
    import psycopg

    server, name = request.getfixturevalue("postgres_url"), f"test_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield server.replace("/postgres?", f"/{name}?")


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server of this test run; skipped where there is none, which CI must not do."""
    binaries = _postgres_binaries()
    if binaries is None:
        message = "PostgreSQL's server is not installed (Debian: apt-get install postgresql)"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    # Not below pytest's folders: those are closed to the server's own user.
    folder = Path(tempfile.mkdtemp(prefix="kedro-asgi-"))
    as_user = _as_postgres(folder)
    _run([*as_user, f"{binaries}/initdb", "-D", f"{folder}/data", "-U", "tests", "--auth=trust", "-N"])
    options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
    control = [*as_user, f"{binaries}/pg_ctl", "-D", f"{folder}/data", "-w"]
    _run([*control, "-l", f"{folder}/log", "-o", options, "start"])
    yield f"postgresql://tests@/postgres?host={folder}"
    _run([*control, "-m", "immediate", "stop"])
    shutil.rmtree(folder)


def _postgres_binaries() -> Path | None:
    places = [Path(found).parent for name in ["initdb"] if (found := shutil.which(name))]
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((place for place in places if (place / "pg_ctl").exists()), None)


def _as_postgres(folder: Path) -> list[str]:
    """PostgreSQL does not run as root: then it runs as the user that its package made."""
    if os.geteuid() != 0:
        return []
    shutil.chown(folder, "postgres")
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]


def _run(command: list[str]) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, cwd="/")
    assert done.returncode == 0, done.stdout

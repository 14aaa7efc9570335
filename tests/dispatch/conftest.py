"""Dispatchers over real projects, on every store."""

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from database_server import DatabaseServer, postgres_binaries
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
    yield request.getfixturevalue("database_server").make_database(f"test_{uuid.uuid4().hex}")


@pytest.fixture(scope="session")
def postgres_url(database_server: DatabaseServer) -> str:
    """The URL of a PostgreSQL server of this test run."""
    return database_server.url


@pytest.fixture(scope="session")
def database_server() -> Iterator[DatabaseServer]:
    """A PostgreSQL server of this test run; skipped where there is none, which CI must not do."""
    binaries = postgres_binaries()
    if binaries is None:
        message = "PostgreSQL's server is not installed (Debian: apt-get install postgresql)"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    server = DatabaseServer(binaries).start()
    yield server
    server.close()

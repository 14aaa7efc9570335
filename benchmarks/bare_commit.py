"""The floor of submits: a bare Starlette route that commits a row to SQLite in a worker thread before it answers."""

import os
import sqlite3
import threading
from pathlib import Path

import anyio.to_thread
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


class Table:
    """One table in a file, and one writer at a time."""

    def __init__(self, file: Path) -> None:
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("CREATE TABLE runs (id INTEGER PRIMARY KEY, body BLOB)")

    def insert(self, body: bytes) -> None:
        """Commit a row."""
        with self._lock:
            self._connection.execute("INSERT INTO runs (body) VALUES (?)", (body,))


def create() -> Starlette:
    """Return the app, for ``uvicorn --factory``."""
    table = Table(Path(os.environ["BENCH_FOLDER"]) / "bare.db")

    async def submit(request: Request) -> JSONResponse:
        await anyio.to_thread.run_sync(table.insert, await request.body())
        return JSONResponse({"status": "queued"}, status_code=202)

    return Starlette(routes=[Route("/runs", submit, methods=["POST"])])

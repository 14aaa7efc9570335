"""A server of the project for pages, in a process of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
from served_project import write_served_project

from serving import Process


class Served(msgspec.Struct, frozen=True, kw_only=True):
    """A server of `write_served_project`; its runs of ``held`` wait until `open_gate` is called."""

    folder: Path
    process: Process
    http: httpx.Client

    @property
    def url(self) -> str:
        return self.process.url

    @property
    def dashboard(self) -> str:
        return f"{self.url}/dashboard/"

    def open_gate(self, name: str) -> None:
        """Let runs with ``params: {gate: name}`` go on."""
        (self.folder / name).touch()

    def submit(self, pipeline: str, **body: Any) -> str:
        """Submit a run, and return its id."""
        answer = self.http.post("/runs", json={"pipeline_names": [pipeline], **body}).raise_for_status()
        return str(answer.json()["run_id"])

    def wait(self, run_id: str) -> dict[str, Any]:
        """Return the record of a run that has ended."""
        record = self.http.get(f"/runs/{run_id}", params={"wait": 60}).json()
        assert record["ended_at"], record
        return dict(record)


@contextmanager
def serve_project(folder: Path, *arguments: object) -> Iterator[Served]:
    """Serve the project for pages out of ``folder``; ``arguments`` are those of ``kedro-asgi serve``."""
    project = write_served_project(folder / "project")
    line = ["kedro_asgi", "serve", str(project), *map(str, arguments)]
    process = Process(line, cwd=folder, environ={}).wait_until_ready()
    try:
        with httpx.Client(base_url=process.url, timeout=90) as http:
            yield Served(folder=folder, process=process, http=http)
    finally:
        process.close()

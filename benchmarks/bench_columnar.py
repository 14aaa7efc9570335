"""How long does a table of a million rows take to a pipeline and back, as Arrow, as Parquet and as JSON?

The table has ten columns: eight of floats, one of integers, one of text. A node changes one column of it.
`request` is the time from the first byte of the request to the last one of the answer, `frame to frame` that of
`AsyncClient` with a frame at both ends. `kedro-asgi serve` answers all, the sides one after another in each round. The
memory is what a server takes at most for one request beyond what it had after one of 1,000 rows, as a multiple of what
the table takes as columns; each is a server of its own, since memory that is free in a process is used again.
"""

import asyncio
import http.client
import io
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
from harness import Case, Measurement, Numbers, find, read_options, take_turns, write
from servers import Process, Server, serve

from kedro_asgi.client import AsyncClient
from projects import write_project

_ARROW = "application/vnd.apache.arrow.stream"
_PARQUET = "application/vnd.apache.parquet"
_JSON = "application/json"
_LIBRARIES = ("pandas", "polars")
_REGISTRY = """
import pandas as pd
import polars as pl
from kedro_asgi.pipeline import Pipeline, node

def change_pandas(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(f0=table["f0"] * 2)

def change_polars(table: pl.DataFrame) -> pl.DataFrame:
    return table.with_columns(f0=pl.col("f0") * 2)

def register_pipelines():
    return {
        "__default__": Pipeline([node(change_pandas, "table", "changed", name="pandas")]),
        "pandas": Pipeline([node(change_pandas, "table", "changed", name="pandas")]),
        "polars": Pipeline([node(change_polars, "table", "changed", name="polars")]),
    }
"""
# Larger than any body here.
_MAX_BODY_BYTES = str(2**32)


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """One form of the table."""

    media_type: str
    content: bytes


def main() -> None:
    """Run the benchmark."""
    options = read_options(__doc__)
    frame = _frame(options.pick(quick=50_000, full=1_000_000))
    size = pa.Table.from_pandas(frame, preserve_index=False).nbytes
    bodies, small = _bodies(frame), _bodies(frame.head(1000))
    with tempfile.TemporaryDirectory() as folder:
        files = {"src/{package}/pipeline_registry.py": _REGISTRY}
        project = write_project(Path(folder) / "project", engine="kedro_asgi", files=files)
        server = serve("kedro-asgi", project, KEDRO_SERVER_MAX_BODY_BYTES=_MAX_BODY_BYTES)
        with server.running() as process:
            take_turns(_requests(process, small), rounds=1)  # imports the libraries
            cases = [*_requests(process, bodies), *_clients(process, frame)]
            measured = take_turns(cases, rounds=options.pick(quick=2, full=5))
        memory = [
            {"library": library, "side": side, **_memory(server, small[side], bodies[side], library, size)}
            for library in _LIBRARIES
            for side in bodies
        ]
    write("columnar", f"{len(frame)} rows in and out", [_row(one, measured) for one in measured])
    write("columnar_memory", f"memory of {len(frame)} rows, which take {size / 2**20:.0f} MiB", memory)


def _bodies(frame: pd.DataFrame) -> dict[str, Body]:
    table = pa.Table.from_pandas(frame, preserve_index=False)
    return {"JSON": _json(frame), "Parquet": _parquet(table), "Arrow": _arrow(table)}


def _requests(process: Process, bodies: dict[str, Body]) -> list[Case]:
    return [
        Case(
            side=side,
            conditions={"library": library, "what": "request"},
            measure=partial(_measured, process, partial(_send, process, bodies[side], library)),
        )
        for library in _LIBRARIES
        for side in bodies
    ]


def _clients(process: Process, frame: pd.DataFrame) -> list[Case]:
    return [
        Case(
            side=side,
            conditions={"library": "pandas", "what": "frame to frame"},
            measure=partial(_measured, process, partial(_send_frame, process, frame, side)),
        )
        for side in ("JSON", "Arrow")
    ]


def _measured(process: Process, send: Callable[[], object]) -> Numbers:
    cpu_before, started = process.total_cpu_seconds(), time.perf_counter()
    send()
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "server_cpu_seconds": process.total_cpu_seconds() - cpu_before}


def _memory(server: Server, small: Body, body: Body, library: str, size: int) -> Numbers:
    with server.running() as process:
        _send(process, small, library)
        before = _resident_bytes(process.pid, "VmRSS")
        # Linux forgets the most that a process has had.
        Path(f"/proc/{process.pid}/clear_refs").write_text("5")
        _send(process, body, library)
        peak = _resident_bytes(process.pid, "VmHWM")
    return {"memory_to_table": (peak - before) / size}


def _resident_bytes(pid: int, name: str) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(float(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def _send(process: Process, body: Body, library: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", process.port)
    query = "" if body.media_type == _JSON else f"?pipeline_names={library}&outputs=changed"
    headers = {"content-type": body.media_type, "accept": body.media_type}
    content = body.content.replace(b"LIBRARY", library.encode(), 1) if body.media_type == _JSON else body.content
    connection.request("POST", f"/run{query}", content, headers)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    if answer.status != 200 or answer.headers["content-type"] != body.media_type:
        raise SystemExit(f"The answer is not as wanted: {answer.status} {content[:500].decode(errors='replace')}")


def _send_frame(process: Process, frame: pd.DataFrame, side: str) -> None:
    async def send() -> Any:
        async with AsyncClient(f"http://127.0.0.1:{process.port}") as client:
            frames: Any = "pandas" if side == "Arrow" else None
            answer = await client.run(["pandas"], inputs={"table": frame}, outputs=["changed"], frames=frames)
            changed = (answer.outputs or {})["changed"]
            return changed if side == "Arrow" else pd.DataFrame(changed)

    if len(asyncio.run(send())) != len(frame):
        raise SystemExit("The answer is not as wanted")


def _row(one: Measurement, measured: list[Measurement]) -> dict[str, Any]:
    json = find(measured, "JSON", **one.case.conditions)
    ratios = {
        "speed_to_json": json.ratio("seconds", one),
        "cpu_speed_to_json": json.ratio("server_cpu_seconds", one),
    }
    return {**one.row(), **ratios}


def _frame(rows: int) -> pd.DataFrame:
    chance = np.random.default_rng(1)
    columns: dict[str, Any] = {f"f{number}": chance.random(rows) for number in range(8)}
    columns["n"] = chance.integers(0, 1000, rows)
    columns["s"] = pd.Series([f"text {number % 997}" for number in range(rows)])
    return pd.DataFrame(columns)


def _json(frame: pd.DataFrame) -> Body:
    records = frame.to_dict(orient="records")
    content = {"pipeline_names": ["LIBRARY"], "outputs": ["changed"], "inputs": {"table": records}}
    return Body(media_type=_JSON, content=msgspec.json.encode(content))


def _arrow(table: pa.Table) -> Body:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return Body(media_type=_ARROW, content=sink.getvalue().to_pybytes())


def _parquet(table: pa.Table) -> Body:
    sink = io.BytesIO()
    pyarrow.parquet.write_table(table, sink)
    return Body(media_type=_PARQUET, content=sink.getvalue())


if __name__ == "__main__":
    main()

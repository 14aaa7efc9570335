"""What does an inference cost, as JSON and as binary data, compared with ``POST /pipelines/{name}/run``?

Each sends a table of ten columns of floats, and gets one column back. A run of the pipeline's own route sends records;
an inference sends a tensor for each column, and the node gets the same records.
"""

import json
import struct
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from harness import Case, Numbers, add_ratios, read_options, take_turns, write
from load import Load, request, send
from servers import Process, ours

from projects import write_project

_REGISTRY = """
from typing import TypedDict
from kedro_asgi.pipeline import Pipeline, node

Row = TypedDict("Row", {f"c{number}": float for number in range(10)})
Score = TypedDict("Score", {"score": float})


def predict(features: list[Row]) -> list[Score]:
    return [{"score": row["c0"] + row["c9"]} for row in features]


def register_pipelines():
    return {"predict": Pipeline([node(predict, "features", "scores", name="predict")])}
"""
_COLUMNS = [f"c{number}" for number in range(10)]
_RUN, _JSON, _BINARY = "run", "infer, JSON", "infer, binary"


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of request, and a text that its answers have."""

    name: str
    request: bytes
    wanted: bytes


def main() -> None:
    """Run the benchmark."""
    options = read_options(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        files = {"src/{package}/pipeline_registry.py": _REGISTRY}
        project = write_project(Path(folder) / "project", engine="kedro_asgi", files=files)
        sizes = {1: options.pick(quick=400, full=3000), 10_000: options.pick(quick=8, full=40)}
        with ours("kedro-asgi", project).running() as process:
            sides = {rows: _sides(rows) for rows in sizes}
            for side in (side for found in sides.values() for side in found):
                _round(process, side, callers=1, times=4)
            cases = [
                Case(
                    side=side.name,
                    conditions={"rows": rows, "callers": callers},
                    measure=partial(_round, process, side, callers=callers, times=times),
                )
                for rows, times in sizes.items()
                for callers in (1, 8)
                for side in sides[rows]
            ]
            measured = take_turns(cases, rounds=options.pick(quick=3, full=9))
    write("inference", "ten columns in, one out", add_ratios(measured, _RUN, "per_second", "cpu_us", label="run"))


def _sides(rows: int) -> list[Side]:
    columns = {name: [number + row / 7 for row in range(rows)] for number, name in enumerate(_COLUMNS)}
    records = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    tensors = [{"name": name, "datatype": "FP64", "shape": [rows]} for name in columns]
    as_json = [{**found, "data": columns[found["name"]]} for found in tensors]
    return [
        Side(
            name=_RUN,
            request=request("POST", "/pipelines/predict/run", {"inputs": {"features": records}}),
            wanted=b'"success"',
        ),
        Side(name=_JSON, request=_infer(json.dumps({"inputs": as_json}).encode()), wanted=b'"outputs"'),
        Side(name=_BINARY, request=_binary(tensors, columns, rows), wanted=b'"binary_data_size"'),
    ]


def _binary(tensors: list[dict[str, Any]], columns: dict[str, list[float]], rows: int) -> bytes:
    sized = [{**found, "parameters": {"binary_data_size": 8 * rows}} for found in tensors]
    content = json.dumps({"inputs": sized, "parameters": {"binary_data_output": True}}).encode()
    data = b"".join(struct.pack(f"<{rows}d", *values) for values in columns.values())
    return _infer(content + data, Inference_Header_Content_Length=str(len(content)))


def _infer(body: bytes, **headers: str) -> bytes:
    return request("POST", "/v2/models/predict/infer", body, **headers)


def _round(process: Process, side: Side, *, callers: int, times: int) -> Numbers:
    before = sum(process.cpu_seconds().values())
    sent = send(process.port, Load(requests=[side.request], callers=callers, times=times, wanted=side.wanted))
    taken = sum(process.cpu_seconds().values()) - before
    return {**sent.numbers(), "cpu_us": taken / len(sent.times) * 1e6}


if __name__ == "__main__":
    main()

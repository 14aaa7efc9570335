"""Runs every state of a small pipeline with ``only_missing_outputs`` on one engine: a script.

Each output of ``n1 -> b -> n2 -> (c, e)``, ``c -> n3 -> d`` is a missing file (P), an existing file (E), a memory
dataset (M) or undeclared (U). Writes, for each state, the nodes that ran and the returned outputs.
"""

import importlib
import itertools
import json
import sys
import tempfile
from pathlib import Path
from typing import Any


def main(engine: str, target: str) -> None:
    pipeline = importlib.import_module(f"{engine}.pipeline")
    io = importlib.import_module(f"{engine}.io")
    runner = importlib.import_module(f"{engine}.runner")
    files = "kedro_datasets.json" if engine == "kedro" else "kedro_asgi.io.files.json"
    json_dataset = importlib.import_module(files).JSONDataset
    states = {
        "".join(state): _run(state, pipeline, io, runner.SequentialRunner(), json_dataset)
        for state in itertools.product("PEMU", repeat=4)
    }
    Path(target).write_text(json.dumps(states))


def _run(state: tuple[str, ...], pipeline: Any, io: Any, runner: Any, json_dataset: Any) -> list[list[str]]:
    ran: list[str] = []

    def function(name: str, result: Any) -> Any:
        def call(x: Any) -> Any:
            ran.append(name)
            return result

        return call

    nodes = [
        pipeline.node(function("n1", 1), "a", "b", name="n1"),
        pipeline.node(function("n2", (1, 1)), "b", ["c", "e"], name="n2"),
        pipeline.node(function("n3", 1), "c", "d", name="n3"),
    ]
    datasets = {"a": io.MemoryDataset(1)}
    with tempfile.TemporaryDirectory() as folder:
        for name, kind in zip("bcde", state, strict=True):
            file = Path(folder) / name
            if kind == "E":
                file.write_text("1")
            if kind in "PE":
                datasets[name] = json_dataset(filepath=str(file))
            if kind == "M":
                datasets[name] = io.MemoryDataset()
        result = runner.run(pipeline.pipeline(nodes), io.DataCatalog(datasets), only_missing_outputs=True)
    return [ran, sorted(result)]


if __name__ == "__main__":
    main(*sys.argv[1:])

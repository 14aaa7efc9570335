"""The projects of `bench_growth`: each grows in one thing, is opened and run in a process of its own, and measured.

All times are CPU times: a long run on a busy machine waits for other processes, and a short one does not.
"""

import gc
import logging
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

from harness import Numbers, median_us
from workers import answer_questions, memory_mib

from projects import write_project

_HEAD = """
from kedro_asgi.pipeline import Pipeline, node


def step(x):
    return x


def chain(names):
    return Pipeline([node(step, one, two, name=two) for one, two in zip(names, names[1:])])


def register_pipelines():
"""
_CHAIN = "    return {{'__default__': chain(['params:a', *(f'd{{n:05}}' for n in range({size}))])}}\n"
_WIDE = (
    "    nodes = [node(step, 'params:a', f'd{{n}}', name=f'd{{n}}') for n in range({size})]\n"
    "    return {{'__default__': Pipeline(nodes)}}\n"
)
_TWO = "    return {'__default__': chain(['params:a', 's', 'd'])}\n"
_MANY = (
    "    return {{'__default__': chain(['params:a', 's', 'd']),"
    " **{{f'p{{p}}': chain(['params:a', *(f'p{{p}}_{{n}}' for n in range(10))]) for p in range({size})}}}}\n"
)
_ENTRY = "entry_{n}:\n  type: json.JSONDataset\n  filepath: data/entry_{n}.json\n"


def nodes_in_a_chain(size: int) -> dict[str, str]:
    """Each node reads what the one before it wrote."""
    return {"src/{package}/pipeline_registry.py": _HEAD + _CHAIN.format(size=size)}


def nodes_side_by_side(size: int) -> dict[str, str]:
    """Each node reads the same parameter."""
    return {"src/{package}/pipeline_registry.py": _HEAD + _WIDE.format(size=size)}


def catalog_entries(size: int) -> dict[str, str]:
    """Two nodes, and entries of files that no run uses."""
    return {**_two_nodes(), "conf/base/catalog.yml": "".join(_ENTRY.format(n=n) for n in range(size))}


def configuration_files(size: int) -> dict[str, str]:
    """Two nodes, and as many files of the catalog with one entry each."""
    return {**_two_nodes(), **{f"conf/base/catalog_{n}.yml": _ENTRY.format(n=n) for n in range(size)}}


def pipelines(size: int) -> dict[str, str]:
    """Two nodes in the default pipeline, and other pipelines of ten nodes."""
    return {"src/{package}/pipeline_registry.py": _HEAD + _MANY.format(size=size)}


def _two_nodes() -> dict[str, str]:
    return {"src/{package}/pipeline_registry.py": _HEAD + _TWO}


PROJECTS: dict[str, Callable[[int], dict[str, str]]] = {
    "nodes in a chain": nodes_in_a_chain,
    "nodes side by side": nodes_side_by_side,
    "catalog entries": catalog_entries,
    "configuration files": configuration_files,
    "pipelines": pipelines,
}


def open_side(folder: Path, what: str, size: int) -> Callable[..., Numbers]:
    """Open the project and run it once; return what measures a warm run, and tells of the opening each time."""
    from kedro_asgi.session import KedroServiceSession

    logging.disable(logging.WARNING)
    project = write_project(folder, engine="kedro_asgi", files=PROJECTS[what](size))
    gc.collect()
    before_mib, started = memory_mib(), time.process_time()
    session = KedroServiceSession.create(project_path=project, serving_mode=True)
    open_ms = (time.process_time() - started) * 1000
    started = time.process_time()
    session.run()
    first_run_ms = (time.process_time() - started) * 1000
    gc.collect()
    opened = {"open_ms": open_ms, "first_run_ms": first_run_ms, "memory_mib": memory_mib() - before_mib}
    gc.freeze()
    parts = _time_pipeline(size) if what == "nodes in a chain" else {}
    return lambda repeats: {
        **opened,
        **parts,
        "run_us": median_us(session.run, repeats=repeats, clock=time.process_time),
    }


def _time_pipeline(size: int) -> Numbers:
    """Return how long it takes to make a chain of nodes, and to slice it by nodes and by tags."""
    whole, repeats = _chain(size), max(1_000 // size, 3)
    middle = f"d{size // 2:05}"
    build_us = median_us(lambda: _chain(size), repeats=repeats, clock=time.process_time)
    slice_us = median_us(lambda: whole.filter(from_nodes=[middle]).nodes, repeats=repeats, clock=time.process_time)
    tags_us = median_us(lambda: whole.filter(tags=["even"]).nodes, repeats=repeats, clock=time.process_time)
    return {"build_us": build_us, "slice_us": slice_us, "tags_us": tags_us}


def _chain(size: int) -> Any:
    from kedro_asgi.pipeline import Pipeline, node

    names = ["params:a", *(f"d{n:05}" for n in range(size))]
    tags = ("even", "odd")
    pairs = enumerate(pairwise(names))
    return Pipeline([node(_step, one, two, name=two, tags=tags[number % 2]) for number, (one, two) in pairs])


def _step(x: int) -> int:
    return x


if __name__ == "__main__":
    answer_questions(open_side)

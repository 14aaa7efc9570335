"""How long does a picture of a pipeline take, from its nodes to SVG?

Pipelines of namespaces of 25 nodes each: described, laid out and drawn, in milliseconds of processor time.
"""

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness import Row, read_options, write

from kedro_asgi.graph import build_graph, draw, draw_svg, lay_out
from kedro_asgi.pipeline import Pipeline, node, pipeline

COUNTS = (25, 300, 2_000)
_REPEATS = 3


def step(*values: Any) -> Any:
    """The function of every node."""
    return values


def main() -> None:
    """Run the benchmark."""
    options = read_options(__doc__)
    counts = COUNTS if options.is_full else COUNTS[:2]
    write("graph_layout", "a picture of a pipeline", [_row(count) for count in counts])


def _row(count: int) -> Row:
    parts = _pipeline(count)
    graph, build_ms = _best(lambda: build_graph("made", parts, {}, root=Path("/")))
    layout, layout_ms = _best(lambda: lay_out(draw(graph)))
    _, svg_ms = _best(lambda: draw_svg(graph, layout))
    row = {"nodes": count, "boxes": len(layout.boxes), "build_ms": build_ms, "layout_ms": layout_ms}
    return {**row, "svg_ms": svg_ms}


def _pipeline(count: int) -> Pipeline:
    """Return namespaces that read up to three of the tables before them, and write one."""
    chance = random.Random(3)
    tables = [f"table_{n}" for n in range(8)]
    groups = []
    for number in range(count // 25):
        read = chance.sample(tables[-12:], k=3)
        groups.append(_namespace(f"group_{number}", read, chance))
        tables.append(f"group_{number}_result")
    return pipeline(groups)


def _namespace(name: str, read: list[str], chance: random.Random) -> Pipeline:
    known, nodes = list(read), []
    for number in range(25):
        inputs = sorted({chance.choice(known[-6:]) for _ in range(chance.choice((1, 1, 2, 3)))})
        nodes.append(node(step, inputs, f"part_{number}", name=f"make_part_{number}"))
        known.append(f"part_{number}")
    used = {table for found in nodes for table in found.inputs if table in read}
    return pipeline(nodes, namespace=name, inputs=used, outputs={known[-1]: f"{name}_result"})


def _best(work: Callable[[], Any]) -> tuple[Any, float]:
    """Return the result, and the least processor time of a few attempts."""
    times = []
    for _ in range(_REPEATS):
        started = time.process_time()
        result = work()
        times.append(time.process_time() - started)
    return result, round(min(times) * 1000, 1)


if __name__ == "__main__":
    main()

"""Large pipelines: time is linear in nodes and edges, and nothing recurses."""

from collections.abc import Callable
from time import process_time
from typing import Any

import pytest

from kedro_asgi.errors import CircularDependencyError
from kedro_asgi.pipeline import Node, Pipeline, node, pipeline

NODES = 10_000
# In seconds of the processor's time: other work may load the machine. Each takes less than half a second; a quadratic
# algorithm takes minutes.
LIMIT_SECONDS = 10


def identity(x: Any) -> Any:
    return x


def chain(length: int = NODES) -> list[Node]:
    return [node(identity, f"d{i}", f"d{i + 1}", name=f"n{i}") for i in range(length)]


@pytest.fixture(scope="module")
def long() -> Pipeline:
    return pipeline(chain())


OPERATIONS: dict[str, Callable[[Pipeline], Any]] = {
    "construction": lambda _: pipeline(chain()),
    "nodes": lambda long: long.nodes,
    "layers": lambda long: long.grouped_nodes,
    "dependencies": lambda long: long.node_dependencies,
    "from_nodes": lambda long: long.from_nodes("n5").nodes,
    "to_outputs": lambda long: long.to_outputs("d9990").nodes,
    "filter": lambda long: long.filter(from_inputs=["d3"], to_nodes=["n9990"], node_names=["n5", "n9000"]).nodes,
    "addition": lambda long: (long + long).nodes,
    "difference": lambda long: (long - long.from_nodes("n5000")).nodes,
    "reuse": lambda long: pipeline(long, namespace="ns", inputs="d0").nodes,
    "grouping": lambda long: long.group_nodes_by(),
    "description": lambda long: (long.describe(), long.to_json()),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", OPERATIONS)
def test_ten_thousand_nodes_are_quick(long: Pipeline, name: str) -> None:
    started = process_time()
    OPERATIONS[name](long)

    assert process_time() - started < LIMIT_SECONDS


@pytest.mark.filterwarnings("ignore:Namespace")
def test_many_namespaces_are_quick() -> None:
    started = process_time()
    pipeline([made.replace(namespace=f"ns{i % 500}") for i, made in enumerate(chain())])

    assert process_time() - started < LIMIT_SECONDS


def test_a_large_cycle_is_found() -> None:
    with pytest.raises(CircularDependencyError):
        pipeline([*chain(2000), node(identity, "d2000", "d0", name="back")])

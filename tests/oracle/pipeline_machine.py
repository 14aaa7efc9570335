"""Runs cases of nodes and pipelines on one engine and writes the outcomes.

Cases and outcomes are JSON, so that Kedro can work through all of them in one process of its own:
``python -c 'import pipeline_machine; pipeline_machine.main()' < cases.json > outcomes.json``
"""

import functools
import json
import logging
import re
import sys
import warnings
from collections.abc import Callable
from types import GeneratorType, ModuleType
from typing import Any


def plain(*args, **kwargs):
    return args, kwargs


def ordered(k2=0, k0=0, *rest, k1=0, **more):
    return k2, k0, rest, k1, more


def snake_case(a=0, b=0, c=0, d=0):
    return a, b, c, d


def one(a):
    return a


def two(a, b):
    return a, b


class Calling:
    def __call__(self, *args, **kwargs):
        return args, kwargs


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "plain": plain,
    "ordered": ordered,
    "snake_case": snake_case,
    "one": one,
    "two": two,
    "lambda": lambda *args, **kwargs: args,
    "partial": functools.partial(plain, 1),
    "method": Calling().__call__,
    "object": Calling(),
    "builtin": len,
    "text": "text",
}


def returning(value: Any) -> Callable[..., Any]:
    """Return a function that returns ``value``; ``{"$chunks": [...]}`` is yielded, ``$tuple`` made a tuple."""
    if isinstance(value, dict) and "$chunks" in value:
        chunks = value["$chunks"]

        def function(*args, **kwargs):
            yield from chunks

        return function
    if isinstance(value, dict) and "$tuple" in value:
        return lambda *args, **kwargs: tuple(value["$tuple"])
    return lambda *args, **kwargs: value


class Machine:
    def __init__(self, engine: ModuleType, error_type: Callable[[BaseException], str]) -> None:
        self.engine = engine
        self.error_type = error_type

    def outcome(self, case: dict[str, Any]) -> dict[str, Any]:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                result = getattr(self, case["kind"])(case)
            except Exception as error:
                result = {"error": self.error_type(error), "message": str(error)}
        texts = [str(warning.message) for warning in caught]
        found = {match[1] for text in texts if (match := re.match(r"Namespace '(.*?)' is interrupted", text))}
        return {**result, "interrupted": sorted(name for name in found if not is_within(name, found))}

    def node(self, case: dict[str, Any]) -> dict[str, Any]:
        node = self._node(case["node"])
        return {**facts(node), "prefixes": node.namespace_prefixes if node.namespace else []}

    def run(self, case: dict[str, Any]) -> dict[str, Any]:
        node = self.engine.node(returning(case["returns"]), case["inputs"], case["outputs"], name="n")
        outputs = node.run(case["data"])
        return {key: list(item) if isinstance(item, GeneratorType) else item for key, item in outputs.items()}

    def pipeline(self, case: dict[str, Any]) -> dict[str, Any]:
        made = self._pipeline(case["pipeline"])
        for name, argument in case["steps"]:
            made = getattr(self, f"_do_{name}")(made, argument)
        return view(made)

    def _node(self, spec: dict[str, Any]) -> Any:
        spec = {**spec, "func": FUNCTIONS[spec["func"]]}
        for side in ("inputs", "outputs"):
            if isinstance(spec[side], dict) and "$tuple" in spec[side]:
                spec[side] = tuple(spec[side]["$tuple"])
        return self.engine.node(**spec)

    def _pipeline(self, spec: dict[str, Any]) -> Any:
        items = [self._pipeline(item) if "items" in item else self._node(item) for item in spec["items"]]
        return self.engine.pipeline(items, **spec.get("arguments", {}))

    def _do_filter(self, made: Any, criteria: dict[str, Any]) -> Any:
        return made.filter(**criteria)

    def _do_select(self, made: Any, argument: tuple[str, list[str]]) -> Any:
        method, names = argument
        if method == "only_nodes_with_namespaces":
            return made.only_nodes_with_namespaces(names)
        return getattr(made, method)(*names)

    def _do_tag(self, made: Any, tags: list[str]) -> Any:
        return made.tag(tags)

    def _do_reuse(self, made: Any, arguments: dict[str, Any]) -> Any:
        return self.engine.pipeline(made, **arguments)

    def _do_add(self, made: Any, spec: dict[str, Any]) -> Any:
        return made + self._pipeline(spec)

    def _do_or(self, made: Any, spec: dict[str, Any]) -> Any:
        return self._pipeline(spec) | made

    def _do_and(self, made: Any, spec: dict[str, Any]) -> Any:
        # Of equal nodes, Kedro keeps those of the smaller side; ours keeps the left one (PIP-33).
        return made.only_nodes(*(node.name for node in (made & self._pipeline(spec)).nodes))

    def _do_sub(self, made: Any, spec: dict[str, Any]) -> Any:
        return made - self._pipeline(spec)

    def _do_sum(self, made: Any, spec: dict[str, Any]) -> Any:
        return sum([made, self._pipeline(spec)])


def is_within(namespace: str, others: set[str]) -> bool:
    """Whether one of ``others`` contains ``namespace``: a cut of the outer one includes the inner ones."""
    return any(namespace.startswith(f"{other}.") for other in others)


def view(made: Any) -> dict[str, Any]:
    shown = json.loads(made.to_json())
    for node in shown["pipeline"]:
        node["tags"].sort()
    return {
        "nodes": [facts(node) for node in made.nodes],
        "layers": [[node.name for node in layer] for layer in made.grouped_nodes],
        "parents": {n.name: sorted(p.name for p in parents) for n, parents in made.node_dependencies.items()},
        "inputs": sorted(made.inputs()),
        "outputs": sorted(made.outputs()),
        "datasets": sorted(made.datasets()),
        "all_inputs": sorted(made.all_inputs()),
        "all_outputs": sorted(made.all_outputs()),
        "text": made.describe(),
        "long_text": made.describe(names_only=False),
        "version": shown["kedro_version"],
        "json": sorted(shown["pipeline"], key=lambda node: node["name"]),
        "groups": [vars(group) for group in made.group_nodes_by()],
        "single_groups": [vars(group) for group in made.group_nodes_by(None)],
    }


def facts(node: Any) -> dict[str, Any]:
    return {
        "name": node.name,
        "short_name": node.short_name,
        "text": re.sub(r" at 0x\w+", "", str(node)),
        "repr": re.sub(r" at 0x\w+", "", repr(node)),
        "namespace": node.namespace,
        "tags": sorted(node.tags),
        "inputs": node.inputs,
        "outputs": node.outputs,
        "confirms": node.confirms,
        "shapes": [node._inputs, node._outputs, node._name],
    }


def main() -> None:
    """Run the cases of standard input on Kedro."""
    from kedro import pipeline

    logging.disable(logging.CRITICAL)
    machine = Machine(pipeline, lambda error: type(error).__qualname__)
    json.dump([machine.outcome(case) for case in json.load(sys.stdin)], sys.stdout)

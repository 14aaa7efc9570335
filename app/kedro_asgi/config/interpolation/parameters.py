"""The parameters of runs: the hot path of the configuration."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kedro_asgi.config.interpolation.evaluator import OpenDict, OpenList, Pending, RunDependentError, Scope
from kedro_asgi.config.interpolation.interpolated_string import Layer, Resolver
from kedro_asgi.config.interpolation.merging import with_runtime
from kedro_asgi.config.interpolation.partial_evaluation import BaselineScope
from kedro_asgi.config.interpolation.tree_builder import plain, plant
from kedro_asgi.errors import ConfigError, fresh_error
from kedro_asgi.runs import RuntimeParams

Tree = dict[Any, Any]


class Parameters:
    """Compiled parameters. Each environment is evaluated by itself, looking through to what the caller supplies;
    then they are combined, and what the caller supplies is laid on top (CFG-31, Q-13).
    """

    def __init__(self, layers: Sequence[Layer], tree: Tree, find_resolver: Callable[[str], Resolver | None]) -> None:
        self._layers = layers
        self._tree = tree
        self._find_resolver = find_resolver
        reached = set(_places(tree))
        # An environment with places that another one replaces is still evaluated as a whole (CFG-27).
        self._shadowed = [layer for layer in layers if not reached.issuperset(_places(layer.root))]
        self._baseline: Tree | None = None
        self._error: ConfigError | None = None
        self._compile()

    def values(self, runtime: RuntimeParams) -> Mapping[str, Any]:
        """Return the parameters of a run, for reading only.

        Without runtime values this is the same object each time, unless a resolver of the project's own is called.
        """
        if runtime.values:
            return self._supplied(runtime)
        if self._baseline is not None:
            return self._baseline
        if self._error is not None:
            raise fresh_error(self._error)
        return self._evaluated(Scope(runtime))

    def _compile(self) -> None:
        scope = BaselineScope()
        try:
            self._baseline = self._evaluated(scope)
        except ConfigError as error:
            self._error = error
        except RunDependentError:
            for place in _places(self._tree):
                scope.attempt(place)
        scope.settle()

    def _evaluated(self, scope: Scope) -> Tree:
        for layer in self._shadowed:
            scope.shared(layer.root)
        tree: Tree = scope.shared(self._tree)
        return tree

    def _supplied(self, runtime: RuntimeParams) -> Tree:
        values = plain(runtime.values)
        own = Layer(self._find_resolver)
        if not runtime.literal:
            values = plant(values, own)
        own.root = with_runtime(self._tree, values)
        roots = {
            layer: own.root if layer.root is self._tree else with_runtime(layer.root, values) for layer in self._layers
        }
        scope = Scope(runtime, roots)
        for layer in self._shadowed:
            scope.shared(roots[layer])
        tree: Tree = scope.shared(own.root)
        return tree


def _places(node: Any) -> list[Pending]:
    if isinstance(node, Pending):
        return [node]
    if isinstance(node, OpenDict):
        return [place for key in node.open for place in _places(node[key])]
    return [place for item in node for place in _places(item)] if isinstance(node, OpenList) else []

"""The parameters of runs: the hot path of the configuration."""

from collections.abc import Mapping, Sequence
from typing import Any

from kedro_asgi.config.interpolation.evaluator import Evaluator, RunDependentError, Tree, deferred_values
from kedro_asgi.config.interpolation.interpolated import FindResolver, Layer
from kedro_asgi.config.interpolation.merging import merge_runtime
from kedro_asgi.config.interpolation.overlaid import OverlaidParameters
from kedro_asgi.config.interpolation.partial_evaluation import DefaultsEvaluator
from kedro_asgi.config.interpolation.tree_builder import build_caller_tree, to_plain_mapping
from kedro_asgi.configuration_tree import ConfigMapping
from kedro_asgi.errors import ConfigError, fresh_error
from kedro_asgi.runs import RuntimeParams

# Up to this number, a copy of the parameters takes less time than lookups in two mappings.
_FEW = 64
_SCALARS = frozenset((str, int, float, bool, type(None)))


class Parameters:
    """Compiled parameters.

    Each environment is evaluated by itself, with the caller's values merged over it; then the environments are
    merged, and the caller's values over the result (CFG-31, Q-13).
    """

    def __init__(self, layers: Sequence[Layer], tree: Tree, find_resolver: FindResolver) -> None:
        self._layers = layers
        self._tree = tree
        self._find_resolver = find_resolver
        reached = set(deferred_values(tree))
        # An environment with deferred values that another one replaces is still evaluated as a whole (CFG-27).
        self._shadowed = [layer for layer in layers if not reached.issuperset(deferred_values(layer.root))]
        self.is_constant = not reached and not self._shadowed
        self._defaults: Mapping[str, Any] | None = None
        self._error: ConfigError | None = None
        self._compile()

    def values(self, runtime: RuntimeParams) -> Mapping[str, Any]:
        """Return the parameters of a run, for reading only.

        Without runtime values this is the same object each time, unless a resolver of the project is called.
        """
        if runtime.values:
            return self._with_runtime(runtime)
        if self._defaults is not None:
            return self._defaults
        if self._error is not None:
            raise fresh_error(self._error)
        return self._resolve(Evaluator(runtime))

    def _compile(self) -> None:
        evaluator = DefaultsEvaluator()
        try:
            self._defaults = self._resolve(evaluator)
        except ConfigError as error:
            self._error = error
        except RunDependentError:
            for deferred in deferred_values(self._tree):
                evaluator.try_evaluate(deferred)
        evaluator.store_results()

    def _resolve(self, evaluator: Evaluator) -> ConfigMapping:
        for layer in self._shadowed:
            evaluator.resolve_view(layer.root)
        return evaluator.resolve_mapping_view(self._tree)

    def _with_runtime(self, runtime: RuntimeParams) -> Mapping[str, Any]:
        if self.is_constant and runtime.literal:
            if _SCALARS.issuperset(map(type, runtime.values.values())):
                # There is nothing to copy, and nothing to merge into.
                return _overlaid(self._tree, runtime.values)
            return _overlaid(self._tree, _merged_values(self._tree, to_plain_mapping(runtime.values)))
        own = Layer(self._find_resolver)
        values = build_caller_tree(runtime, own)
        own.root = merge_runtime(self._tree, values)
        roots = {
            layer: own.root if layer.root is self._tree else merge_runtime(layer.root, values) for layer in self._layers
        }
        evaluator = Evaluator(runtime, roots)
        for layer in self._shadowed:
            evaluator.resolve_view(roots[layer])
        return evaluator.resolve_mapping_view(own.root)


def _overlaid(below: dict[Any, Any], above: Mapping[Any, Any]) -> Mapping[Any, Any]:
    return {**below, **above} if len(below) <= _FEW else OverlaidParameters(below, above)


def _merged_values(below: dict[Any, Any], above: dict[Any, Any]) -> dict[Any, Any]:
    """Return ``above`` as `merge_runtime` puts it over ``below``, where there is nothing to evaluate."""
    merged = dict(above)
    for key, value in above.items():
        if isinstance(value, dict) and isinstance(known := below.get(key), dict):
            merged[key] = {**known, **_merged_values(known, value)}
    return merged

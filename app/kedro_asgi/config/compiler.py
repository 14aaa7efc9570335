"""Compiling one kind of configuration: from its files to the templates that all runs share."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from kedro_asgi.config.duplicates import refuse_duplicates
from kedro_asgi.config.environments import Environments
from kedro_asgi.config.files import ConfigFiles
from kedro_asgi.config.interpolation.evaluator import Tree, make_dict
from kedro_asgi.config.interpolation.interpolated import FindResolver, Layer
from kedro_asgi.config.interpolation.merging import Merge, merge_all, merge_environment, merge_function
from kedro_asgi.config.interpolation.parameters import Parameters
from kedro_asgi.config.interpolation.partial_evaluation import PartialEvaluator
from kedro_asgi.config.interpolation.resolvers import CustomResolvers, resolvers_for
from kedro_asgi.config.interpolation.template import Template
from kedro_asgi.config.interpolation.tree_builder import build_layer
from kedro_asgi.config.yaml_loader import ParsedMapping
from kedro_asgi.errors import ConfigShapeError, MissingConfigException

_MAY_BE_ABSENT = ("catalog", "globals")


class Compiled(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One kind of configuration, its environments merged; ``parameters`` only for that kind."""

    tree: Tree
    templates: Mapping[str, Template]
    parameters: Parameters | None = None


class Compiler(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Compiles kinds of configuration of one source; keeps nothing but the parsed files."""

    files: ConfigFiles
    environments: Environments
    merge_strategy: Mapping[str, str]
    custom_resolvers: CustomResolvers

    def compile(self, key: str, patterns: Sequence[str], globals_: Tree) -> Compiled:
        """Return the configuration ``key``; raises `ConfigError` for everything that is wrong before any run."""
        for folder in self.environments.required:
            self.files.require(folder)
        merge = merge_function(self.merge_strategy.get(key, "destructive"))
        find_resolver = resolvers_for(key, self.custom_resolvers, globals_).get
        groups = [self._layers(key, folder, patterns, find_resolver) for folder in self.environments.folders]
        if not any(groups) and key not in _MAY_BE_ABSENT:
            raise self._nothing_found(patterns)
        if key == "parameters":
            layers = [layer for group in groups for layer in group]
            tree = merge_all([layer.root for layer in layers], merge)
            return Compiled(tree=tree, templates={}, parameters=Parameters(layers, tree, find_resolver))
        return _compile_templates(groups, merge, restricts_callers=key == "catalog")

    def _layers(self, key: str, folder: str, patterns: Sequence[str], find_resolver: FindResolver) -> list[Layer]:
        """The trees of one environment in which references are looked up: one, or one per file (CFG-52)."""
        files = self.files.trees(folder, patterns)
        is_parameters = key == "parameters"
        refuse_duplicates(files, by_leaf=is_parameters)
        if not is_parameters:
            _refuse_odd_names(files)
        trees: list[Any] = [tree for _, tree in files]
        if trees and key != "credentials":
            trees = [merge_all(trees, merge_environment)]
        return [build_layer(tree, find_resolver) for tree in trees]

    def _nothing_found(self, patterns: Sequence[str]) -> MissingConfigException:
        locations = " or ".join(map(self.files.source.location, self.environments.folders))
        return MissingConfigException(
            f"No files of YAML or JSON format found in {locations} matching the glob pattern(s): {list(patterns)}"
        )


def _refuse_odd_names(files: Sequence[tuple[str, ParsedMapping]]) -> None:
    for file, tree in files:
        for name in tree:
            if not isinstance(name, str):
                raise ConfigShapeError(f"Configuration file {file} has the top-level key {name!r}: it must be text.")


def _compile_templates(groups: Sequence[Sequence[Layer]], merge: Merge, *, restricts_callers: bool) -> Compiled:
    evaluator = PartialEvaluator()
    environments = [
        merge_all([evaluator.evaluate_tree(layer.root) for layer in group], merge_environment) for group in groups
    ]
    shown = {name: node for name, node in merge_all(environments, merge).items() if not name.startswith("_")}
    templates = {name: Template(name, node, restricts_callers=restricts_callers) for name, node in shown.items()}
    return Compiled(tree=make_dict(shown), templates=templates)

"""From the files of one kind of configuration to what all runs share."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from kedro_asgi.config.duplicates import refuse_duplicates
from kedro_asgi.config.environments import Environments
from kedro_asgi.config.files import ConfigFiles, Tree
from kedro_asgi.config.interpolation.interpolated_string import Layer, Resolver
from kedro_asgi.config.interpolation.merging import combined, combiner, mapping, with_environment
from kedro_asgi.config.interpolation.parameters import Parameters
from kedro_asgi.config.interpolation.partial_evaluation import Folder
from kedro_asgi.config.interpolation.resolvers import resolvers_for
from kedro_asgi.config.interpolation.template import Template
from kedro_asgi.config.interpolation.tree_builder import plant
from kedro_asgi.errors import ConfigShapeError, MissingConfigException

_MAY_BE_ABSENT = ("catalog", "globals")


class Compiled(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One kind of configuration, both environments combined; ``parameters`` only for that kind."""

    tree: Tree
    templates: Mapping[str, Template]
    parameters: Parameters | None = None


class Compiler(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Compiles kinds of configuration of one source; keeps nothing but the parsed files."""

    files: ConfigFiles
    environments: Environments
    merge_strategy: Mapping[str, str]
    custom_resolvers: Mapping[str, Callable[..., Any]]

    def check(self) -> None:
        """Raise `MissingEnvironmentError` if an environment is missing (CFG-4, Q-43)."""
        for folder in self.environments.required:
            self.files.require(folder)

    def compile(self, key: str, patterns: Sequence[str], globals_: Tree) -> Compiled:
        """Return the configuration ``key``; raises `ConfigError` for all that is wrong with it before any run."""
        self.check()
        combine = combiner(self.merge_strategy.get(key, "destructive"))
        find_resolver = resolvers_for(key, self.custom_resolvers, globals_).get
        groups = [self._layers(key, folder, patterns, find_resolver) for folder in self.environments.folders]
        if not any(groups) and key not in _MAY_BE_ABSENT:
            raise self._nothing_found(patterns)
        if key == "parameters":
            roots = [layer.root for group in groups for layer in group]
            return _parameters(groups, combined(roots, combine), find_resolver)
        return _folded(key, groups, combine)

    def _layers(
        self, key: str, folder: str, patterns: Sequence[str], find_resolver: Callable[[str], Resolver | None]
    ) -> list[Layer]:
        """The trees of one environment in which references are looked up: one, or one per file (CFG-21, CFG-52)."""
        files = self.files.trees(folder, patterns)
        is_parameters = key == "parameters"
        refuse_duplicates(files, by_leaf=is_parameters)
        if not is_parameters:
            _refuse_odd_names(files)
        trees = [tree for _, tree in files]
        if trees and key != "credentials":
            trees = [combined(trees, with_environment)]
        return [_layer(tree, find_resolver) for tree in trees]

    def _nothing_found(self, patterns: Sequence[str]) -> MissingConfigException:
        places = " or ".join(map(self.files.source.location, self.environments.folders))
        return MissingConfigException(
            f"No files of YAML or JSON format found in {places} matching the glob pattern(s): {list(patterns)}"
        )


def _layer(tree: Tree, find_resolver: Callable[[str], Resolver | None]) -> Layer:
    layer = Layer(find_resolver)
    layer.root = plant(tree, layer)
    return layer


def _refuse_odd_names(files: Sequence[tuple[str, Tree]]) -> None:
    for file, tree in files:
        for name in tree:
            if not isinstance(name, str):
                raise ConfigShapeError(f"Configuration file {file} has the top-level key {name!r}: it must be text.")


def _parameters(
    groups: Sequence[Sequence[Layer]], tree: Tree, find_resolver: Callable[[str], Resolver | None]
) -> Compiled:
    layers = [layer for group in groups for layer in group]
    parameters = Parameters(layers, tree, find_resolver)
    return Compiled(tree=tree, templates={}, parameters=parameters)


def _folded(key: str, groups: Sequence[Sequence[Layer]], combine: Callable[[Tree, Tree], Tree]) -> Compiled:
    folder = Folder()
    environments = [combined([folder.fold(layer.root) for layer in group], with_environment) for group in groups]
    tree = combined(environments, combine)
    shown = mapping({name: node for name, node in tree.items() if not name.startswith("_")})
    is_guarded = key == "catalog"
    templates = {name: Template(name, node, is_guarded=is_guarded) for name, node in shown.items()}
    return Compiled(tree=shown, templates=templates)

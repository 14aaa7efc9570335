"""The compiled configuration of a project in one environment."""

import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kedro_asgi.bounded_cache import BoundedCache
from kedro_asgi.config.compiler import Compiled, Compiler
from kedro_asgi.config.environments import environments
from kedro_asgi.config.file_patterns import DEFAULT_PATTERNS
from kedro_asgi.config.files import ConfigFiles
from kedro_asgi.config.interpolation.evaluator import Evaluator, Tree
from kedro_asgi.config.interpolation.parameters import Parameters
from kedro_asgi.config.interpolation.resolvers import CustomResolvers
from kedro_asgi.config.interpolation.template import Template
from kedro_asgi.config.interpolation.tree_builder import to_plain_mapping
from kedro_asgi.configuration_tree import ConfigMapping, copy_tree
from kedro_asgi.errors import ConfigError, UnknownConfigKeyError, fresh_error
from kedro_asgi.runs import NO_PARAMS, RuntimeParams

# A hook may give each run patterns of its own, so the number of results has no other bound.
_MAX_RESULTS = 64


class Config:
    """A project's configuration in one environment, read and compiled once and shared by all its runs.

    Immutable and thread-safe. Each kind of configuration is compiled on first use; later edits of its files have no
    effect. A faulty kind raises the same `ConfigError` on each use.
    """

    def __init__(
        self,
        conf_source: str | Path,
        *,
        env: str | None = None,
        base_env: str | None = None,
        default_run_env: str | None = None,
        config_patterns: Mapping[str, Sequence[str]] | None = None,
        custom_resolvers: CustomResolvers | None = None,
        merge_strategy: Mapping[str, str] | None = None,
        ignore_hidden: bool = True,
    ) -> None:
        self.conf_source = os.fspath(conf_source)
        self.env = env
        self.base_env = base_env or ""
        self.default_run_env = default_run_env or ""
        self.effective_env = env or self.default_run_env
        self.ignore_hidden = ignore_hidden
        self.merge_strategy: Mapping[str, str] = dict(merge_strategy or {})
        self.patterns: Mapping[str, Sequence[str]] = {**DEFAULT_PATTERNS, **(config_patterns or {})}
        self.custom_resolvers: CustomResolvers = dict(custom_resolvers or {})
        self._compiler = Compiler(
            files=ConfigFiles(conf_source, ignore_hidden=ignore_hidden),
            environments=environments(env, base_env, default_run_env),
            merge_strategy=self.merge_strategy,
            custom_resolvers=self.custom_resolvers,
        )
        self._lock = threading.RLock()
        self._results: BoundedCache[tuple[str, tuple[str, ...]], Compiled | ConfigError] = BoundedCache(_MAX_RESULTS)
        self._globals: Tree | None = None

    def check(self, key: str) -> None:
        """Raise `MissingConfigException` if no file belongs to ``key``, and the errors that every run would raise."""
        self._compiled(key)

    def entries(self, key: str) -> Mapping[str, Template]:
        """Return the top-level values of a catalog or of credentials by name, base first, without ``_hidden`` ones.

        An absent catalog has none. Raises `MissingConfigException` for any other kind without files, and the errors
        that every run would raise.
        """
        return self._compiled(key).templates

    def resolve(
        self, key: str, runtime: RuntimeParams = NO_PARAMS, *, patterns: Sequence[str] | None = None
    ) -> ConfigMapping:
        """Return all of ``key`` for one run, as a tree that the caller owns; ``patterns`` replaces the default ones."""
        compiled = self._compiled(key, patterns)
        if compiled.parameters is not None:
            return {name: copy_tree(value) for name, value in compiled.parameters.values(runtime).items()}
        evaluator = Evaluator(runtime)
        return {name: template.evaluate(evaluator) for name, template in compiled.templates.items()}

    def parameters(self, runtime: RuntimeParams) -> Mapping[str, Any]:
        """Return the parameters of one run, for reading only: all runs share what no runtime value changes.

        Without runtime values, and without resolvers of the project, this is the same object each time.
        """
        return self.compiled_parameters().values(runtime)

    def compiled_parameters(self) -> Parameters:
        """Return the parameters as they are for all runs; raises `MissingConfigException` without files, and errors."""
        compiled = self._compiled("parameters").parameters
        if compiled is None:
            raise UnknownConfigKeyError("parameters")
        return compiled

    def with_options(self, **options: Any) -> "Config":
        """Return a configuration with these arguments of ``Config``, and the patterns and resolvers of this one."""
        return Config(config_patterns=self.patterns, custom_resolvers=self.custom_resolvers, **options)

    def __deepcopy__(self, memo: object) -> "Config":
        return self

    def __getstate__(self) -> dict[str, Any]:
        """Return the options and the parsed files; another process compiles them again."""
        return {**self.__dict__, "_lock": None, "_results": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock = threading.RLock()
        self._results = BoundedCache(_MAX_RESULTS)

    def with_globals(self, values: Mapping[str, Any]) -> "Config":
        """Return the same configuration with other globals, without reading a file again."""
        other = object.__new__(type(self))
        other.__setstate__(self.__dict__)
        other._globals = to_plain_mapping(values)
        return other

    def _compiled(self, key: str, patterns: Sequence[str] | None = None) -> Compiled:
        patterns = self.patterns.get(key) if patterns is None else patterns
        if patterns is None:
            raise UnknownConfigKeyError(key)
        result = self._results.get((key, tuple(patterns)))
        if result is None:
            result = self._compile(key, tuple(patterns))
        if isinstance(result, ConfigError):
            raise fresh_error(result)
        return result

    def _compile(self, key: str, patterns: tuple[str, ...]) -> Compiled | ConfigError:
        with self._lock:
            result = self._results.get((key, patterns))
            if result is None:
                try:
                    result = self._compiler.compile(key, patterns, {} if key == "globals" else self._globals_tree())
                except ConfigError as error:
                    result = fresh_error(error)
            return self._results.add((key, patterns), result)

    def _globals_tree(self) -> Tree:
        return self._compiled("globals").tree if self._globals is None else self._globals

"""The compiled configuration of a project in one environment."""

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from kedro_asgi.config.compiler import Compiled, Compiler
from kedro_asgi.config.environments import environments
from kedro_asgi.config.files import ConfigFiles
from kedro_asgi.config.interpolation.evaluator import Scope, copied
from kedro_asgi.config.interpolation.parameters import Parameters
from kedro_asgi.config.interpolation.template import Template
from kedro_asgi.config.interpolation.tree_builder import plain
from kedro_asgi.config.patterns import DEFAULT_PATTERNS
from kedro_asgi.errors import ConfigError, UnknownConfigKeyError, fresh_error
from kedro_asgi.runs import RuntimeParams

_NOTHING_SUPPLIED = RuntimeParams()


class Config:
    """A project's configuration in one environment, read and compiled once and shared by all its runs.

    Immutable and thread-safe: each kind of configuration is compiled when it is first asked for, later edits of
    its files are not seen. What is wrong with it is raised as `ConfigError`, each time it is asked for.
    """

    def __init__(
        self,
        conf_source: str | Path,
        *,
        env: str | None = None,
        base_env: str | None = None,
        default_run_env: str | None = None,
        config_patterns: Mapping[str, Sequence[str]] | None = None,
        custom_resolvers: Mapping[str, Callable[..., Any]] | None = None,
        merge_strategy: Mapping[str, str] | None = None,
        ignore_hidden: bool = True,
    ) -> None:
        self.conf_source = os.fspath(conf_source)
        self.env = env
        self.base_env = base_env or ""
        self.default_run_env = default_run_env or ""
        self.effective_env = env or self.default_run_env
        self.ignore_hidden = ignore_hidden
        self.merge_strategy: Mapping[str, str] = MappingProxyType(dict(merge_strategy or {}))
        self.patterns: Mapping[str, Sequence[str]] = {**DEFAULT_PATTERNS, **(config_patterns or {})}
        self._compiler = Compiler(
            files=ConfigFiles(conf_source, ignore_hidden=ignore_hidden),
            environments=environments(env, base_env, default_run_env),
            merge_strategy=self.merge_strategy,
            custom_resolvers=dict(custom_resolvers or {}),
        )
        self._lock = threading.RLock()
        self._kept: dict[tuple[str, tuple[str, ...]], Compiled | ConfigError] = {}
        self._parameters: Parameters | None = None

    def check(self, key: str) -> None:
        """Raise `MissingConfigException` if no file belongs to ``key``, and whatever every run would run into."""
        self._compiled(key)

    def entries(self, key: str) -> Mapping[str, Template]:
        """Return the top-level values of a catalog or of credentials by name, base first, but for ``_hidden`` ones.

        An absent catalog has none. Raises `MissingConfigException` for any other kind that no file belongs to,
        and whatever every run would run into.
        """
        return self._compiled(key).templates

    def resolve(
        self,
        key: str,
        runtime: RuntimeParams = _NOTHING_SUPPLIED,
        *,
        patterns: Sequence[str] | None = None,
    ) -> dict[str, Any]:
        """Return all of ``key`` for one run, as a tree that the caller owns; ``patterns`` instead of the known ones."""
        compiled = self._compiled(key, patterns)
        if compiled.parameters is not None:
            values: dict[str, Any] = copied(compiled.parameters.values(runtime))
            return values
        scope = Scope(runtime)
        return {name: template.evaluate(scope) for name, template in compiled.templates.items()}

    def parameters(self, runtime: RuntimeParams) -> Mapping[str, Any]:
        """Return the parameters of one run, for reading only: what no runtime value touches is shared by all runs.

        Without runtime values, and without resolvers of the project's own, this is the same object each time.
        """
        if self._parameters is None:
            self._parameters = self._compiled("parameters").parameters
            if self._parameters is None:
                raise UnknownConfigKeyError("parameters")
        return self._parameters.values(runtime)

    def with_globals(self, values: Mapping[str, Any]) -> "Config":
        """Return the same configuration with other globals (CFG-60); files are not read again."""
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        other._lock = threading.RLock()
        other._parameters = None
        other._kept = {("globals", tuple(self.patterns["globals"])): Compiled(tree=plain(values), templates={})}
        return other

    def _compiled(self, key: str, patterns: Sequence[str] | None = None) -> Compiled:
        patterns = self.patterns.get(key) if patterns is None else patterns
        if patterns is None:
            raise UnknownConfigKeyError(key)
        kept = self._kept.get((key, tuple(patterns)))
        if kept is None:
            kept = self._compile(key, tuple(patterns))
        if isinstance(kept, ConfigError):
            raise fresh_error(kept)
        return kept

    def _compile(self, key: str, patterns: tuple[str, ...]) -> Compiled | ConfigError:
        with self._lock:
            if (key, patterns) not in self._kept:
                try:
                    globals_ = {} if key == "globals" else self._compiled("globals").tree
                    self._kept[key, patterns] = self._compiler.compile(key, patterns, globals_)
                except ConfigError as error:
                    self._kept[key, patterns] = fresh_error(error)
            return self._kept[key, patterns]

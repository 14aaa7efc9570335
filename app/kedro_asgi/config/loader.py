"""The configuration loader that Kedro's users know: a mapping for one run."""

import os
from collections import UserDict
from collections.abc import KeysView, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from kedro_asgi.config.config import Config
from kedro_asgi.config.interpolation.resolvers import CustomResolvers
from kedro_asgi.errors import MissingConfigException, UnknownConfigKeyError
from kedro_asgi.runs import RuntimeParams


class AbstractConfigLoader(UserDict[str, Any]):
    """Base of all configuration loaders: a mapping from a kind of configuration to its values."""

    def __init__(
        self,
        conf_source: str | Path,
        env: str | None = None,
        runtime_params: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        # Do not call super(): a class may also derive from Kedro's loader, whose constructor reads the source again.
        UserDict.__init__(self)
        self.conf_source = conf_source
        self.env = env
        self.runtime_params = runtime_params or {}


class ConfigLoader(AbstractConfigLoader):
    """Reads the configuration of one run through a compiled `Config`.

    Every ``loader[key]`` is a new plain tree; ``loader[key] = value`` replaces the content of the files. A loader that
    a user constructs reads the files again each time, and interpolates strings in its ``runtime_params`` (CFG-35); a
    view reads no file, and follows its `RuntimeParams`. Raises the errors of ``globals`` when it is constructed.
    Attributes that a user sets later (``env``, ``base_env``, ``merge_strategy``, …) count from the next read on.
    """

    def __init__(
        self,
        conf_source: str | Path,
        env: str | None = None,
        runtime_params: Mapping[str, Any] | None = None,
        *,
        config_patterns: Mapping[str, Sequence[str]] | None = None,
        base_env: str | None = None,
        default_run_env: str | None = None,
        custom_resolvers: CustomResolvers | None = None,
        merge_strategy: Mapping[str, str] | None = None,
        ignore_hidden: bool = True,
        restrict_runtime_params_type_selection: bool = False,
    ) -> None:
        super().__init__(os.fspath(conf_source), env)
        config = Config(
            conf_source,
            env=env,
            base_env=base_env,
            default_run_env=default_run_env,
            config_patterns=config_patterns,
            custom_resolvers=custom_resolvers,
            merge_strategy=merge_strategy,
            ignore_hidden=ignore_hidden,
        )
        runtime = RuntimeParams(
            values=runtime_params or {}, literal=False, restrict_type_selection=restrict_runtime_params_type_selection
        )
        self._bind(config, runtime)
        self._reads_again = True
        with suppress(MissingConfigException):
            config.check("globals")

    @classmethod
    def view(cls, config: Config, runtime: RuntimeParams) -> Self:
        """Return a loader over a configuration that other runs share; it reads no file."""
        loader = cls.__new__(cls)
        AbstractConfigLoader.__init__(loader, config.conf_source, config.env)
        loader._bind(config, runtime)
        return loader

    def _bind(self, config: Config, runtime: RuntimeParams) -> None:
        self._config = self._initial_config = config
        self._reads_again = False
        self._initial_params = runtime.values
        self._is_literal = runtime.literal
        self.restrict_runtime_params_type_selection = runtime.restrict_type_selection
        self.base_env = config.base_env
        self.default_run_env = config.default_run_env
        self.ignore_hidden = config.ignore_hidden
        self.merge_strategy = dict(config.merge_strategy)
        # Copied on first access, which few runs need: a hook that reads them may change them.
        self._patterns: dict[str, Sequence[str]] | None = None
        self._params: Mapping[str, Any] | None = None

    @property
    def config_patterns(self) -> dict[str, Sequence[str]]:
        """The file patterns by kind; this loader's own copy, since plugins add patterns in a hook."""
        if self._patterns is None:
            self._patterns = {key: list(found) for key, found in self._config.patterns.items()}
        return self._patterns

    @config_patterns.setter
    def config_patterns(self, patterns: dict[str, Sequence[str]]) -> None:
        self._patterns = patterns

    @property
    def runtime_params(self) -> Mapping[str, Any]:
        """The runtime parameters; this loader's own copy, since hooks may change it."""
        if self._params is None:
            self._params = dict(self._initial_params)
        return self._params

    @runtime_params.setter
    def runtime_params(self, values: Mapping[str, Any]) -> None:
        self._params = values

    def is_changed(self, key: str) -> bool:
        """Whether a hook or another user changed the value that this loader returns for ``key`` (HOOK-13)."""
        if self._up_to_date_config() is not self._initial_config:
            return True
        if not self.data and self._patterns is None and self._params is None:
            return False
        return (
            key in self.data
            or tuple(self.config_patterns.get(key, ())) != tuple(self._config.patterns[key])
            or not _is_same(self.runtime_params, self._initial_params)
        )

    def __getitem__(self, key: str) -> Any:
        """Return a kind of configuration; raises ``KeyError`` for an unknown one, `ConfigError` for a bad one."""
        if key in self.data:
            return self.data[key]
        if key not in self.config_patterns:
            raise UnknownConfigKeyError(key)
        runtime = RuntimeParams(
            values=self.runtime_params or {},
            literal=self._is_literal,
            restrict_type_selection=self.restrict_runtime_params_type_selection,
        )
        return self._up_to_date_config().resolve(key, runtime, patterns=self.config_patterns[key])

    def __setitem__(self, key: str, value: Any) -> None:
        """Replace the value of ``key``; ``${globals:}`` sees replaced globals."""
        super().__setitem__(key, value)
        if key == "globals":
            self._config = self._up_to_date_config().with_globals(value)

    def get(self, key: str, default: Any = None) -> Any:
        """Return a kind of configuration, or ``default`` if it is unknown; one without files still raises (CFG-13)."""
        try:
            return self[key]
        except KeyError:
            return default

    def keys(self) -> KeysView[str]:
        """Return the known kinds of configuration."""
        return self.config_patterns.keys()

    def __repr__(self) -> str:
        options = ", ".join(f"{name}={getattr(self, name)!r}" for name in _OPTIONS)
        return f"{type(self).__name__}({options})"

    def _up_to_date_config(self) -> Config:
        """Return the configuration for the options that this loader has now, which a user may have set."""
        config = self._config
        options: dict[str, Any] = {name: getattr(self, name) for name in _OPTIONS}
        if self._reads_again or any(value != getattr(config, name) for name, value in options.items()):
            self._config = config.with_options(**options)
            if "globals" in self.data:
                self._config = self._config.with_globals(self.data["globals"])
        return self._config


_OPTIONS = ("conf_source", "env", "base_env", "default_run_env", "merge_strategy", "ignore_hidden")


def _is_same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Compares the identity of values: they may be frames, which have no equality."""
    return one.keys() == other.keys() and all(value is other[key] for key, value in one.items())

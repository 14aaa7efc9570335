"""A project's own ``CONFIG_LOADER_CLASS``: made and read anew for every run, a slower path than `Config`."""

import inspect
import secrets
import threading
from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path, PurePath
from types import new_class
from typing import Any, Self

import msgspec

from kedro_asgi.errors import CallerValueError, MissingConfigException
from kedro_asgi.reserved_names import PATH_KEYS
from kedro_asgi.runs import RuntimeParams

# Loaders that build on OmegaConf register resolvers for the whole process (CFG-55), so only one is at work at a time.
_PROCESS_WIDE_RESOLVERS = threading.RLock()

_GUARD = "restrict_runtime_params_type_selection"
_KINDS = ("catalog", "credentials", "parameters")


class LoadedConfig(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What a loader says for one run.

    ``values`` were read in advance; the rest is asked of the loader, as is what a hook has put there (HOOK-13).
    """

    loader: MutableMapping[str, Any]
    values: Mapping[str, Any] = {}

    def read(self, key: str) -> Any:
        """Return the values of ``key``; raises `MissingConfigException` where the project has none."""
        if key in self.values and key not in self.loader:
            return self.values[key]
        try:
            return self.loader[key]
        except Exception as error:
            if not _says_missing(error):
                raise
            raise MissingConfigException(str(error)) from error


class CustomLoader(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """How to make and read the loader of a project; thread-safe."""

    cls: type
    conf_source: str | Path
    env: str | None
    arguments: Mapping[str, Any]

    @classmethod
    def of(cls, kind: type, conf_source: str | Path, *, env: str | None, arguments: Mapping[str, Any]) -> Self:
        """Return how to make loaders of ``kind`` that pass each other by, also where hooks ask them."""
        return cls(cls=_one_at_a_time(kind), conf_source=conf_source, env=env, arguments=arguments)

    def load(self, runtime: RuntimeParams) -> LoadedConfig:
        """Make the loader of one run and read from it what a run needs.

        Raises what the loader raises, and `CallerValueError` if a caller's value reaches a dataset's type (Q-19) or
        leads a path upwards: since such a loader cannot be followed step by step, it is asked a second time, with
        other texts, and what differs is what a caller decides.
        """
        with _PROCESS_WIDE_RESOLVERS:
            loaded = self._read(runtime, runtime.values)
            if runtime.restrict_type_selection and any(_texts(runtime.values)):
                _refuse_references(runtime.values)
                _refuse_steps_upwards(loaded, runtime.values)
                self._refuse_selected_types(loaded, runtime)
        return loaded

    def _read(self, runtime: RuntimeParams, values: Mapping[str, Any]) -> LoadedConfig:
        loader = self._make(runtime, values)
        found: dict[str, Any] = {}
        for kind in _KINDS:
            try:
                found[kind] = loader[kind]
            except Exception as error:
                if not _says_missing(error):
                    raise
        return LoadedConfig(loader=loader, values=found)

    def _make(self, runtime: RuntimeParams, values: Mapping[str, Any]) -> Any:
        arguments = dict(self.arguments)
        if runtime.restrict_type_selection and _GUARD in inspect.signature(self.cls).parameters:
            arguments[_GUARD] = True
        return self.cls(conf_source=str(self.conf_source), env=self.env, runtime_params=dict(values), **arguments)

    def _refuse_selected_types(self, loaded: LoadedConfig, runtime: RuntimeParams) -> None:
        types = _types(loaded.values.get("catalog"))
        try:
            others = _types(self._read(runtime, _replaced_texts(runtime.values)).values.get("catalog"))
        except Exception as error:
            raise CallerValueError(
                "It cannot be told whether the runtime parameters select the type of a dataset: with other texts "
                f"in them the project's configuration loader fails with {type(error).__name__}: {error}"
            ) from error
        if types != others:
            raise CallerValueError(
                "A runtime parameter has a part in the 'type' of a dataset, which is not permitted: "
                f"{sorted(types - others)}"
            )


def _one_at_a_time(kind: Any) -> type:
    """Derive a class whose instances wait for each other: to read one, resolvers of the process are made its own."""

    def read(self: Any, key: str) -> Any:
        with _PROCESS_WIDE_RESOLVERS:
            return kind.__getitem__(self, key)

    names = {"__getitem__": read, "__module__": kind.__module__, "__qualname__": kind.__qualname__}
    return new_class(kind.__name__, (kind,), exec_body=lambda body: body.update(names))


def _says_missing(error: Exception) -> bool:
    """Kedro's error counts as ours; loaders of a project may raise either."""
    return any(kind.__name__ == "MissingConfigException" for kind in type(error).__mro__)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)


def _replaced_texts(value: Any) -> Any:
    if isinstance(value, str):
        return f"x{secrets.token_hex(8)}"
    if isinstance(value, Mapping):
        return {key: _replaced_texts(item) for key, item in value.items()}
    return [_replaced_texts(item) for item in value] if isinstance(value, list | tuple) else value


def _refuse_references(values: Mapping[str, Any]) -> None:
    """Values of a caller are literals (Q-14), and whether this loader would keep them so cannot be known."""
    if found := next((text for text in _texts(values) if "${" in text), None):
        raise CallerValueError(f"The runtime parameter {found!r} holds an interpolation, which is not permitted.")


def _refuse_steps_upwards(loaded: LoadedConfig, values: Mapping[str, Any]) -> None:
    if not any(".." in text for text in _texts(values)):
        return
    for path in _paths(loaded.values.get("catalog")):
        if ".." in PurePath(path).parts:
            raise CallerValueError(f"The path '{path}' leads upwards, and a runtime parameter may have led it there.")


def _types(tree: Any, at: str = "") -> set[tuple[str, str]]:
    """Every ``type`` of a catalog with its place."""
    found: set[tuple[str, str]] = set()
    for key, item in _items(tree):
        is_class = key in ("type", "dataset", "validator") or (key == "class" and at.endswith("validator."))
        if is_class and not isinstance(item, Mapping | list):
            found.add((f"{at}{key}", str(item)))
        found |= _types(item, f"{at}{key}.")
    return found


def _paths(tree: Any) -> Iterator[str]:
    for key, item in _items(tree):
        if key in PATH_KEYS and isinstance(item, str):
            yield item
        yield from _paths(item)


def _items(tree: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(tree, Mapping):
        yield from tree.items()
    elif isinstance(tree, list | tuple):
        yield from enumerate(tree)

"""A project's own ``CONFIG_LOADER_CLASS``: constructed and read for every run, which is slower than `Config`."""

import inspect
import secrets
import threading
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from pathlib import Path, PurePath
from types import new_class
from typing import Any, Self

import msgspec

from kedro_asgi.config.interpolation.caller_paths import leads_elsewhere
from kedro_asgi.errors import CallerValueError, MissingConfigException, UnknownConfigKeyError
from kedro_asgi.reserved_names import CLASS_KEYS, PATH_KEYS
from kedro_asgi.runs import RuntimeParams

# Loaders that use OmegaConf register resolvers for the whole process (CFG-55), so only one thread reads at a time.
_PROCESS_WIDE_RESOLVERS = threading.RLock()

#: An argument in CONFIG_LOADER_ARGS that belongs to the values of a run and not to the files.
TYPE_SELECTION_ARGUMENT = "restrict_runtime_params_type_selection"
_KINDS = ("catalog", "credentials", "parameters")


class LoadedConfig(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The configuration of one run.

    ``values`` were read in advance. The loader is asked for the rest, and for values that a hook set in it.
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
            if not _means_missing(error, key):
                raise
            raise MissingConfigException(str(error)) from error


class CustomLoader(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Constructs and reads the loader of a project; thread-safe."""

    cls: type
    conf_source: str | Path
    env: str | None
    arguments: Mapping[str, Any]

    @classmethod
    def of(cls, kind: type, conf_source: str | Path, *, env: str | None, arguments: Mapping[str, Any]) -> Self:
        """Return a factory of ``kind``; its loaders read one at a time, also when a hook reads one."""
        return cls(cls=_one_at_a_time(kind), conf_source=conf_source, env=env, arguments=arguments)

    def load(self, runtime: RuntimeParams) -> LoadedConfig:
        """Construct the loader of one run and read the configuration that a run needs.

        Raises the errors of the loader, and `CallerValueError` if a caller's value reaches a dataset's type or
        leads a path elsewhere. kedro-asgi cannot trace values through such a loader. It reads the configuration a
        second time with other texts in the caller's values: where the two readings differ, the caller decided.
        """
        with _PROCESS_WIDE_RESOLVERS:
            loaded = self._read(runtime, runtime.values)
            if runtime.restrict_type_selection and any(_texts(runtime.values)):
                _refuse_references(runtime.values)
                _refuse_other_places(loaded, runtime)
                self._refuse_selected_types(loaded, runtime)
        return loaded

    def _read(self, runtime: RuntimeParams, values: Mapping[str, Any]) -> LoadedConfig:
        loader = self._make(runtime, values)
        found: dict[str, Any] = {}
        for kind in _KINDS:
            try:
                found[kind] = loader[kind]
            except Exception as error:
                if not _means_missing(error, kind):
                    raise
        return LoadedConfig(loader=loader, values=found)

    def _make(self, runtime: RuntimeParams, values: Mapping[str, Any]) -> Any:
        arguments = dict(self.arguments)
        if runtime.restrict_type_selection and TYPE_SELECTION_ARGUMENT in inspect.signature(self.cls).parameters:
            arguments[TYPE_SELECTION_ARGUMENT] = True
        return self.cls(conf_source=str(self.conf_source), env=self.env, runtime_params=dict(values), **arguments)

    def _refuse_selected_types(self, loaded: LoadedConfig, runtime: RuntimeParams) -> None:
        types = _types(loaded.values.get("catalog"))
        try:
            others = _types(self._read(runtime, _replace_texts(runtime.values)).values.get("catalog"))
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
    """Derive a class whose instances wait for each other: reading one replaces resolvers of the whole process."""

    def read(self: object, key: str) -> object:
        with _PROCESS_WIDE_RESOLVERS:
            return kind.__getitem__(self, key)

    names = {"__getitem__": read, "__module__": kind.__module__, "__qualname__": kind.__qualname__}
    return new_class(kind.__name__, (kind,), exec_body=lambda body: body.update(names))


def _means_missing(error: Exception, key: str) -> bool:
    """Kedro's error counts as ours; a loader may raise either, or the ``KeyError`` of a mapping that lacks ``key``."""
    if isinstance(error, KeyError):
        return error.args in ((key,), UnknownConfigKeyError(key).args)
    return any(kind.__name__ == "MissingConfigException" for kind in type(error).__mro__)


def _replace_texts(value: Any) -> Any:
    if isinstance(value, str):
        return f"x{secrets.token_hex(8)}"
    if isinstance(value, Mapping):
        return {key: _replace_texts(item) for key, item in value.items()}
    return [_replace_texts(item) for item in value] if isinstance(value, list | tuple) else value


def _refuse_references(values: Mapping[str, object]) -> None:
    """Values of a caller are literals (Q-14), and nothing tells whether this loader would keep them so."""
    if found := next((text for text in _texts(values) if "${" in text), None):
        raise CallerValueError(f"The runtime parameter {found!r} holds an interpolation, which is not permitted.")


def _refuse_other_places(loaded: LoadedConfig, runtime: RuntimeParams) -> None:
    """Refuse paths to other places that a text of the caller may have led there."""
    suspects = [text for text in _texts(runtime.values) if leads_elsewhere(text, allowed=runtime.allowed_paths)]
    for keys, path in _leaves(loaded.values.get("catalog")) if suspects else ():
        if not PATH_KEYS.isdisjoint(keys[-1:]) and isinstance(path, str) and _may_be_led(path, suspects):
            raise CallerValueError(
                f"The path '{path}' leads upwards or to another place, and a runtime parameter may have led it there."
            )


def _may_be_led(path: str, suspects: Sequence[str]) -> bool:
    if any(".." in text for text in suspects) and ".." in PurePath(path).parts:
        return True
    return any(path.startswith(text) or (("::" in text or "://" in text) and text in path) for text in suspects)


def _types(catalog: object) -> set[tuple[str, str]]:
    """Every ``type`` of a catalog with its path."""
    return {
        (".".join(map(str, keys)), str(leaf))
        for keys, leaf in _leaves(catalog)
        if not CLASS_KEYS.isdisjoint(keys[-1:]) or keys[-2:] == ("validator", "class")
    }


def _texts(values: object) -> Iterator[str]:
    return (leaf for _, leaf in _leaves(values) if isinstance(leaf, str))


def _leaves(tree: object, keys: tuple[object, ...] = ()) -> Iterator[tuple[tuple[object, ...], object]]:
    """Yield every value that is no container, with the keys that lead to it."""
    if not isinstance(tree, Mapping | list | tuple):
        yield keys, tree
        return
    for key, item in tree.items() if isinstance(tree, Mapping) else enumerate(tree):
        yield from _leaves(item, (*keys, key))

"""What a plain value becomes that is given in place of a dataset: the catalog decides."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType, NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from kedro_asgi.errors import DatasetConfigError, InputTableError, TableError
from kedro_asgi.io.class_path import dataset_class
from kedro_asgi.tables import Library, TableForm, frame_of

_PLAIN_TYPES = (list, dict, str, int, float, bool, NoneType)
_FRAMES: Mapping[tuple[str, str], Library] = MappingProxyType(
    {
        ("pandas", "DataFrame"): "pandas",
        ("polars", "DataFrame"): "polars",
        ("polars", "LazyFrame"): "polars.lazy",
    }
)


class OwnOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``metadata: {kedro_asgi: {…}}`` of an entry: what its class does not say of inputs in its place."""

    input: Literal["pandas", "polars", "polars.lazy", "plain"] | None = None
    dtype: str | dict[str, str] | None = None
    parse_dates: str | list[str] | None = None
    date_format: str | dict[str, str] | None = None
    index_col: str | list[str] | None = None


def is_plain(value: Any) -> bool:
    """Tell whether ``value`` may have come in JSON; frames and other objects, also within, are left as they are.

    So is ``None``, which says that there is no data.
    """
    kind = type(value)
    parts = value.values() if kind is dict else value[:1] if kind is list else ()
    return value is not None and kind in _PLAIN_TYPES and all(type(part) in _PLAIN_TYPES for part in parts)


def table_form(name: str, cls: type[Any], arguments: Mapping[str, Any]) -> TableForm | None:
    """Return the frame that consumers of dataset ``name`` expect, or ``None`` if they take values as they come.

    It is what ``load`` of its class returns, unless the entry's metadata says otherwise; columns are read as its
    ``load_args`` say. Raises `DatasetConfigError` for metadata that makes no sense.
    """
    inner = arguments.get("dataset")
    if cls.__name__ == "CachedDataset" and isinstance(inner, Mapping):
        return table_form(name, dataset_class(inner.get("type")), inner)
    own = _own_options(name, arguments.get("metadata"))
    library = own.input or _loaded_library(cls)
    if library is None or library == "plain":
        return None
    load_args = arguments.get("load_args")
    said = {key: value for key, value in msgspec.structs.asdict(own).items() if value is not None}
    return TableForm.read(library, {**(load_args if isinstance(load_args, Mapping) else {}), **said})


def form_of(name: str, dataset: Any) -> TableForm | None:
    """Return what `table_form` would, of a dataset that exists."""
    attributes = {"load_args": "_load_args", "metadata": "metadata"}
    arguments = {argument: getattr(dataset, attribute, None) for argument, attribute in attributes.items()}
    return table_form(name, type(dataset), arguments)


def framed(name: str, data: Any, form: TableForm) -> Any:
    """Return the frame that ``data`` becomes in place of dataset ``name``; raises `InputTableError`."""
    try:
        return frame_of(data, form)
    except TableError as error:
        raise InputTableError(name, form.library, str(error)) from error


def _own_options(name: str, metadata: Any) -> OwnOptions:
    given = metadata.get("kedro_asgi") if isinstance(metadata, Mapping) else None
    try:
        return OwnOptions() if given is None else msgspec.convert(given, OwnOptions)
    except msgspec.ValidationError as error:
        raise DatasetConfigError(name, f"'metadata.kedro_asgi' cannot be used: {error}") from error


def _loaded_library(cls: type[Any]) -> Library | None:
    """What ``load`` is annotated to return, else the second type of a generic base, ``AbstractDataset[In, Out]``."""
    for annotated in _loaded_types(cls):
        for part in _parts(annotated):
            library = (getattr(part, "__module__", "").partition(".")[0], getattr(part, "__name__", ""))
            if library in _FRAMES:
                return _FRAMES[library]
    return None


def _loaded_types(cls: type[Any]) -> Iterator[Any]:
    try:
        yield get_type_hints(getattr(cls, "load", None)).get("return")
    except Exception:  # annotations are code of somebody else, and need not mean anything at run time
        yield None
    for base in cls.__mro__:
        for generic in vars(base).get("__orig_bases__", ()):
            yield from get_args(generic)[1:2]


def _parts(annotated: Any) -> tuple[Any, ...]:
    return get_args(annotated) if get_origin(annotated) in (Union, UnionType) else (annotated,)

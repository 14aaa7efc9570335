"""Plain values in place of datasets: the entry and the class of a dataset decide which frame they become."""

from collections.abc import Iterator, Mapping
from types import NoneType, UnionType
from typing import Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from kedro_asgi.errors import DatasetConfigError, InputTableError, TableError
from kedro_asgi.io.dataset_classes import dataset_class
from kedro_asgi.tables import Library, TableForm, as_plain, frame_of
from kedro_asgi.tables.arrow_table import ArrowTable

# As many as 32 MB of JSON hold.
_MAX_RECORD_VALUES = 2**22
_PLAIN_TYPES = (list, dict, str, int, float, bool, NoneType)
_FRAMES: Mapping[tuple[str, str], Library] = {
    ("pandas", "DataFrame"): "pandas",
    ("polars", "DataFrame"): "polars",
    ("polars", "LazyFrame"): "polars.lazy",
    ("pyarrow", "Table"): "pyarrow",
}


class InputOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``metadata: {kedro_asgi: {…}}`` of an entry: how to read an input in its place, where the class does not say."""

    input: Literal["pandas", "polars", "polars.lazy", "pyarrow", "plain"] | None = None
    dtype: str | dict[str, str] | None = None
    parse_dates: str | list[str] | None = None
    date_format: str | dict[str, str] | None = None
    index_col: str | list[str] | None = None


def is_plain(value: object) -> bool:
    """Tell whether ``value`` may have come in JSON: no frame or other object, nor one directly inside.

    ``None`` is not plain: it means that there is no data.
    """
    parts = value.values() if type(value) is dict else value[:1] if type(value) is list else ()
    return value is not None and type(value) in _PLAIN_TYPES and all(type(part) in _PLAIN_TYPES for part in parts)


def table_form(name: str, cls: type, arguments: Mapping[str, object]) -> TableForm | None:
    """Return the frame that consumers of dataset ``name`` expect, or ``None`` if they take a value as it is.

    It is the return type of the class's ``load``, unless the entry's metadata names another; the entry's ``load_args``
    give the types of columns. Raises `DatasetConfigError` for metadata that cannot be used.
    """
    inner = arguments.get("dataset")
    if cls.__name__ == "CachedDataset" and isinstance(inner, Mapping):
        return table_form(name, dataset_class(inner.get("type")), inner)
    options = _input_options(name, arguments.get("metadata"))
    library = options.input or _loaded_library(cls)
    if library is None or library == "plain":
        return None
    load_args = arguments.get("load_args")
    given = {key: value for key, value in msgspec.structs.asdict(options).items() if value is not None}
    return TableForm.read(library, {**(load_args if isinstance(load_args, Mapping) else {}), **given})


def table_form_of(name: str, dataset: object) -> TableForm | None:
    """Return the same as `table_form`, for a dataset that exists."""
    attributes = {"load_args": "_load_args", "metadata": "metadata"}
    arguments = {argument: getattr(dataset, attribute, None) for argument, attribute in attributes.items()}
    return table_form(name, type(dataset), arguments)


def to_frame(name: str, data: object, form: TableForm) -> object:
    """Return the frame that ``data`` becomes in place of dataset ``name``; raises `InputTableError`."""
    try:
        return frame_of(data, form)
    except TableError as error:
        raise InputTableError(name, form.library, str(error)) from error


def frame_of_columns(name: str, data: ArrowTable, form: TableForm) -> object:
    """Return the frame that a table of Arrow becomes in place of dataset ``name``; raises `InputTableError`."""
    # Few runs get such tables.
    from kedro_asgi.tables.arrow.frames import arrow_frame

    try:
        return arrow_frame(data.table, form)
    except TableError as error:
        raise InputTableError(name, form.library, str(error)) from error


def records_of_columns(name: str, data: ArrowTable) -> object:
    """Return a table of Arrow as the list of records that JSON would have given; raises `InputTableError`.

    Each value becomes an object of Python, which takes many times as much memory.
    """
    count = data.table.num_rows * data.table.num_columns
    if count > _MAX_RECORD_VALUES:
        limit = f"it has {count} values, and nodes get {_MAX_RECORD_VALUES} at most as records"
        raise InputTableError(name, "records", f"{limit}; the hint of a node can ask for a frame, such as pd.DataFrame")
    try:
        return as_plain(data.table)
    except (TableError, TypeError) as error:
        raise InputTableError(name, "records", str(error)) from error


def has_input_options(metadata: object) -> bool:
    """Tell whether the metadata of an entry says what an input becomes."""
    return isinstance(metadata, Mapping) and metadata.get("kedro_asgi") is not None


def _input_options(name: str, metadata: object) -> InputOptions:
    given = metadata.get("kedro_asgi") if isinstance(metadata, Mapping) else None
    try:
        return InputOptions() if given is None else msgspec.convert(given, InputOptions)
    except msgspec.ValidationError as error:
        raise DatasetConfigError(name, f"'metadata.kedro_asgi' cannot be used: {error}") from error


def _loaded_library(cls: type) -> Library | None:
    """Return the library of the frames that ``cls`` loads."""
    parts = (part for annotation in load_annotations(cls) for part in _union_members(annotation))
    return next((library for part in parts if (library := frame_library(part)) is not None), None)


def frame_library(hint: object) -> Library | None:
    """Return the library of the frames that ``hint`` names, which may be a subclass of theirs, or ``None``."""
    kind = get_origin(hint) or hint
    bases = kind.__mro__ if isinstance(kind, type) else ()
    names = ((base.__module__.partition(".")[0], base.__name__) for base in bases)
    return next((_FRAMES[name] for name in names if name in _FRAMES), None)


def load_annotations(cls: type) -> Iterator[object]:
    """Yield the return type of ``load``, then the second type of each generic base, ``AbstractDataset[In, Out]``."""
    try:
        yield get_type_hints(getattr(cls, "load", None)).get("return")
    except Exception:  # the annotations of a project need not mean anything at run time
        yield None
    for base in cls.__mro__:
        for generic in vars(base).get("__orig_bases__", ()):
            yield from get_args(generic)[1:2]


def _union_members(annotation: object) -> tuple[object, ...]:
    return get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)

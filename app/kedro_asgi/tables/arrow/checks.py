"""Whether a table of a caller can be used: its names, its types, and what it takes as plain columns."""

from collections.abc import Iterator
from typing import Any

from kedro_asgi.errors import OversizedTableError, TableError
from kedro_asgi.tables.arrow.library import compute, pyarrow
from kedro_asgi.tables.records import check_names

_VIEW_BYTES = 16
# The size in pandas of a value that takes less in Arrow: a reference to nothing, a date or bytes, a list or a mapping.
_NULL_BYTES, _OBJECT_BYTES, _NESTED_BYTES = 8, 48, 64
_PANDAS = b"pandas"
_NO_TEXT = "\ufffd"


def checked_table(table: Any, *, max_bytes: int) -> Any:
    """Return a table whose columns are valid and plain enough for frames; raises `TableError`.

    A dictionary and a view repeat one text in many rows, so their size is that of the texts. A view becomes text.
    """
    table = table.replace_schema_metadata(_useful_facts(table.schema.metadata or {}))
    _check_names(table.schema)
    for field in table.schema:
        _check_type(field.type, field.name)
    if table.num_rows * max(table.num_columns, 1) > max_bytes:
        raise OversizedTableError(max_bytes)
    # The sizes of buffers first, and what is in them last: to look at each text of a view may take for ever.
    table.validate()
    size = sum(plain_bytes(chunk) for column in table.columns for chunk in column.chunks)
    if size > max_bytes:
        raise OversizedTableError(max_bytes)
    # Offsets that lead outside of a buffer would let a caller read the memory of the process.
    table.validate(full=True)
    return _without_views(table)


def _useful_facts(facts: dict[bytes, bytes]) -> dict[bytes, bytes]:
    """Return the metadata that readers use: the index and the types that pandas had."""
    return {_PANDAS: facts[_PANDAS]} if _PANDAS in facts else {}


def _check_names(schema: Any) -> None:
    try:
        are_texts = all(map(_has_texts, schema)) and all(facts.decode() for facts in (schema.metadata or {}).values())
        names = schema.names
    except UnicodeDecodeError:
        are_texts = False
    if not are_texts:
        raise TableError("the name or the metadata of a column is not valid UTF-8")
    check_names(names)


def _has_texts(field: Any) -> bool:
    """Tell whether the names and facts of a column and its parts are text; polars crashes where they are not.

    Raises ``UnicodeDecodeError``, or a name has the character that stands for bytes that are no text.
    """
    for facts in (field.metadata or {}).items():
        b"".join(facts).decode()
    parts = (field.type.field(number) for number in range(field.type.num_fields)) if field.type.num_fields else ()
    return _NO_TEXT not in field.name and all(map(_has_texts, parts))


def _check_type(kind: Any, column: str) -> None:
    """Raise `TableError` for types that frames have no form for."""
    types = pyarrow.types
    if types.is_run_end_encoded(kind) or types.is_union(kind) or types.is_list_view(kind):
        raise TableError(f"column '{column}' is of type {kind}, which no frame has; send it as a plain column")
    if types.is_dictionary(kind) and (types.is_nested(kind.value_type) or types.is_dictionary(kind.value_type)):
        raise TableError(f"column '{column}' is of type {kind}, which no frame has; send it as a plain column")
    for part in _parts_of_type(kind):
        _check_type(part, column)


def _parts_of_type(kind: Any) -> Iterator[Any]:
    types = pyarrow.types
    if isinstance(kind, pyarrow.BaseExtensionType):
        yield kind.storage_type
    elif types.is_struct(kind):
        yield from (kind.field(number).type for number in range(kind.num_fields))
    elif types.is_map(kind):
        yield from (kind.key_type, kind.item_type)
    elif _is_list(kind) or types.is_dictionary(kind):
        yield kind.value_type


def _is_list(kind: Any) -> bool:
    types = pyarrow.types
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def plain_bytes(array: Any) -> int:
    """Return what an array takes as plain values, at least one byte for each; nested ones become objects of Python."""
    types, kind = pyarrow.types, array.type
    if isinstance(kind, pyarrow.BaseExtensionType):
        return plain_bytes(array.storage)
    if types.is_dictionary(kind):
        return len(array) + _bytes_of_dictionary(array)
    if types.is_string_view(kind) or types.is_binary_view(kind):
        return _VIEW_BYTES * len(array) + _bytes_of_views(array)
    parts = list(_parts(array))
    own = max(0 if parts else int(array.nbytes), _value_bytes(kind) * len(array))
    return own + sum(map(plain_bytes, parts))


def _value_bytes(kind: Any) -> int:
    types = pyarrow.types
    if types.is_nested(kind):
        return _NESTED_BYTES
    if types.is_null(kind):
        return _NULL_BYTES
    is_object = types.is_date(kind) or types.is_time(kind) or types.is_decimal(kind) or types.is_interval(kind)
    is_bytes = types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind)
    return _OBJECT_BYTES if is_object or is_bytes else 1


def _parts(array: Any) -> Iterator[Any]:
    types, kind = pyarrow.types, array.type
    if types.is_struct(kind):
        yield from (array.field(number) for number in range(kind.num_fields))
    elif types.is_map(kind):
        yield from (array.keys, array.items)
    elif _is_list(kind):
        yield array.values


def _bytes_of_dictionary(array: Any) -> int:
    """Return what the values of a dictionary take where the rows name them."""
    values = array.dictionary
    types, kind = pyarrow.types, values.type
    if types.is_string_view(kind) or types.is_binary_view(kind):
        lengths = _lengths_of_views(values)
    elif types.is_string(kind) or types.is_large_string(kind) or types.is_binary(kind) or types.is_large_binary(kind):
        lengths = compute.binary_length(values)
    else:
        return len(array) * -(-int(values.nbytes) // max(len(values), 1))
    return _sum(compute.take(lengths.cast("int64"), array.indices))


def _bytes_of_views(array: Any) -> int:
    return _sum(_lengths_of_views(array).cast("int64"))


def _lengths_of_views(array: Any) -> Any:
    """Return the lengths of views: the first of the four integers of each."""
    views = array.buffers()[1]
    integers = pyarrow.Array.from_buffers(pyarrow.int32(), views.size // 4, [None, views])
    quadruples = pyarrow.FixedSizeListArray.from_arrays(integers, 4)
    lengths = compute.list_element(quadruples, 0).slice(array.offset, len(array))
    return compute.max_element_wise(lengths, 0)


def _sum(lengths: Any) -> int:
    return int(compute.sum(lengths).as_py() or 0)


def _without_views(table: Any) -> Any:
    """Return a table with texts in place of views: not all libraries read these."""
    fields = [field.with_type(_without_view(field.type)) for field in table.schema]
    schema = pyarrow.schema(fields, metadata=table.schema.metadata)
    return table if schema.equals(table.schema) else table.cast(schema)


def _without_view(kind: Any) -> Any:
    types = pyarrow.types
    if types.is_string_view(kind):
        return pyarrow.large_string()
    if types.is_binary_view(kind):
        return pyarrow.large_binary()
    if types.is_list(kind) or types.is_large_list(kind):
        return (
            pyarrow.large_list(kind.value_field.with_type(_without_view(kind.value_type))) if _has_view(kind) else kind
        )
    if types.is_dictionary(kind) and _has_view(kind):
        return pyarrow.dictionary(kind.index_type, _without_view(kind.value_type), kind.ordered)
    if types.is_struct(kind) and _has_view(kind):
        return pyarrow.struct([part.with_type(_without_view(part.type)) for part in kind])
    return kind


def _has_view(kind: Any) -> bool:
    types = pyarrow.types
    return bool(types.is_string_view(kind) or types.is_binary_view(kind)) or any(map(_has_view, _parts_of_type(kind)))

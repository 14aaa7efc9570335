"""Data that a caller gives in place of a dataset: plain values become what nodes expect of it."""

from kedro_asgi.io.builder import DatasetBuilder
from kedro_asgi.io.dataset import is_persistent
from kedro_asgi.io.dataset_protocols import Dataset
from kedro_asgi.io.input_types import FrameInput, InputType, takes_any
from kedro_asgi.io.inputs import (
    frame_of_columns,
    has_input_options,
    is_plain,
    records_of_columns,
    table_form_of,
    to_frame,
)
from kedro_asgi.runs import RuntimeParams
from kedro_asgi.tables import TableForm
from kedro_asgi.tables.arrow_table import ArrowTable


def converted(
    name: str,
    data: object,
    *,
    dataset: Dataset | None,
    builder: DatasetBuilder | None,
    runtime: RuntimeParams,
    expected: InputType | None,
) -> object:
    """Return ``data``; a plain value as the frame that the dataset loads, or as ``expected`` of one in memory.

    A table of Arrow becomes the same frame without a copy, where types allow it; where no frame is expected it is the
    list of records that it would be in JSON.
    ``builder`` describes a ``dataset`` that is not made yet, so it need not be made. Raises `InputTableError` or
    `InputTypeError` for a value that cannot be converted.
    """
    is_columnar = type(data) is ArrowTable
    if not is_columnar and not is_plain(data):
        return data
    form = _table_form(name, dataset, builder, runtime)
    if isinstance(data, ArrowTable):
        if form is None and isinstance(expected, FrameInput) and _takes_any(dataset, builder, runtime):
            form = expected.form
        if form is not None:
            return frame_of_columns(name, data, form)
        data = records_of_columns(name, data)
    if form is not None:
        return to_frame(name, data, form)
    if expected is not None and _takes_any(dataset, builder, runtime):
        return expected.convert(name, data)
    return data


def _table_form(
    name: str, dataset: Dataset | None, builder: DatasetBuilder | None, runtime: RuntimeParams
) -> TableForm | None:
    if dataset is not None:
        return table_form_of(name, dataset)
    return None if builder is None else builder.table_form(runtime)


def _takes_any(dataset: Dataset | None, builder: DatasetBuilder | None, runtime: RuntimeParams) -> bool:
    if dataset is not None or builder is None:
        return takes_any(dataset)
    definition = builder.definition(runtime)
    return not is_persistent(definition.cls) and not has_input_options(definition.arguments.get("metadata"))

"""Plain values as inputs in place of datasets: the catalog decides what they become."""

from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from kedro.io import AbstractDataset as KedroDataset

from kedro_asgi.errors import DatasetError, InputTableError
from kedro_asgi.io import AbstractDataset, DataCatalog
from kedro_asgi.io.inputs import records_of_columns, table_form
from kedro_asgi.tables.arrow_table import ArrowTable

ROWS = [{"n": 1, "t": "2026-11-21"}]


def given(entry: dict[str, Any] | None, value: Any, name: str = "rows") -> Any:
    """Return the data that a node loads when ``value`` is injected in place of ``entry``."""
    catalog = DataCatalog.from_config({} if entry is None else {"rows": entry})
    catalog.inject(name, value)
    return catalog.load(name)


def csv(**options: Any) -> dict[str, Any]:
    return {"type": "pandas.CSVDataset", "filepath": "rows.csv", **options}


@pytest.mark.parametrize(
    ("entry", "kind"),
    [
        (csv(), pd.DataFrame),
        ({"type": "pandas.ParquetDataset", "filepath": "x"}, pd.DataFrame),
        ({"type": "pandas.ExcelDataset", "filepath": "x"}, pd.DataFrame),
        ({"type": "pandas.GenericDataset", "filepath": "x", "file_format": "csv"}, pd.DataFrame),
        ({"type": "CachedDataset", "dataset": csv()}, pd.DataFrame),
        (csv(versioned=True), pd.DataFrame),
        ({"type": "polars.CSVDataset", "filepath": "x"}, pl.DataFrame),
        ({"type": "polars.LazyPolarsDataset", "filepath": "x", "file_format": "csv"}, pl.LazyFrame),
        ({"type": "MemoryDataset", "metadata": {"kedro_asgi": {"input": "pandas"}}}, pd.DataFrame),
        ({"type": "MemoryDataset", "metadata": {"kedro_asgi": {"input": "polars"}}}, pl.DataFrame),
        (csv(metadata={"kedro_asgi": {"input": "plain"}}), list),
        ({"type": "MemoryDataset"}, list),
        ({"type": "json.JSONDataset", "filepath": "x"}, list),
        ({"type": "pickle.PickleDataset", "filepath": "x"}, list),
        ({"type": "kedro_asgi.io.files.csv.CSVDataset", "filepath": "x"}, list),
        ({"type": "partitions.PartitionedDataset", "path": "x", "dataset": csv()}, list),
        (None, list),
    ],
)
def test_the_class_of_the_entry_decides_which_frame_an_input_becomes(
    entry: dict[str, Any] | None, kind: type[Any]
) -> None:
    assert type(given(entry, ROWS)) is kind


def test_load_args_and_metadata_declare_types_that_json_lacks() -> None:
    frame = given(csv(load_args={"dtype": {"n": "Int8"}, "parse_dates": ["t"]}), ROWS)
    assert frame.dtypes.astype(str)["n"] == "Int8"
    assert frame["t"][0] == pd.Timestamp("2026-11-21")
    own = {"input": "pandas", "dtype": {"n": "Int8"}, "parse_dates": ["t"], "index_col": "n"}
    frame = given({"type": "MemoryDataset", "metadata": {"kedro_asgi": own, "other": 1}}, ROWS)
    assert frame.index.dtype == "Int8"
    assert frame["t"][1] == pd.Timestamp("2026-11-21")
    wins = csv(load_args={"dtype": "str"}, metadata={"kedro_asgi": {"dtype": {"n": "int8"}}})
    assert given(wins, ROWS)["n"].dtype == "int8"


@pytest.mark.parametrize(
    "value", [pd.DataFrame({"n": [1]}), {"sheet": pd.DataFrame({"n": [1]})}, [pd.DataFrame({"n": [1]})], (1, 2), None]
)
def test_objects_of_a_python_caller_stay_as_they_are(value: Any) -> None:
    assert type(given(csv(), value)) is type(value)


def test_an_input_that_is_no_table_is_an_error_that_names_it() -> None:
    with pytest.raises(
        InputTableError, match="Input 'rows' cannot become a table of pandas: record 2 has no column 'n'"
    ):
        given(csv(), [{"n": 1}, {}])
    with pytest.raises(InputTableError, match="it is a text"):
        given(csv(), "rows.csv")
    with pytest.raises(DatasetError, match=r"'rows':\n'metadata.kedro_asgi' cannot be used: .*'pandsa'.*input"):
        given(csv(metadata={"kedro_asgi": {"input": "pandsa"}}), ROWS)
    with pytest.raises(DatasetError, match="unknown field `inputs`"):
        given(csv(metadata={"kedro_asgi": {"inputs": "pandas"}}), ROWS)


def test_entries_from_factories_and_with_run_values_decide_too() -> None:
    entry = {"type": "{kind}.CSVDataset", "filepath": "{kind}.csv"}
    catalog = DataCatalog.from_config({"{kind}_rows": entry})
    for name, kind in (("pandas_rows", pd.DataFrame), ("polars_rows", pl.DataFrame)):
        catalog.inject(name, ROWS)
        assert type(catalog.load(name)) is kind


def test_a_dataset_that_a_hook_set_decides() -> None:
    from kedro_datasets.pandas import CSVDataset

    catalog = DataCatalog.from_config({"rows": {"type": "MemoryDataset"}})
    catalog["rows"] = CSVDataset(filepath="x", load_args={"dtype": {"n": "Int8"}})
    catalog.inject("rows", ROWS)
    assert catalog.load("rows")["n"].dtype == "Int8"


class Annotated(KedroDataset):
    def load(self) -> "pd.DataFrame | None":
        return None

    def save(self, data: Any) -> None: ...

    def _describe(self) -> dict[str, Any]:
        return {}


class Generic(AbstractDataset[None, pd.DataFrame]):
    def load(self):
        return None

    def save(self, data: Any) -> None: ...

    def _describe(self) -> dict[str, Any]:
        return {}


class Misleading(Generic):
    def load(self) -> "nonsense":  # noqa: F821
        return None


class Neither:
    def load(self): ...

    def save(self, data): ...


@pytest.mark.parametrize(
    ("cls", "library"), [(Annotated, "pandas"), (Generic, "pandas"), (Misleading, "pandas"), (Neither, None)]
)
def test_classes_of_a_project_decide_by_their_annotations(cls: type[Any], library: str | None) -> None:
    form = table_form("rows", cls, {})
    assert (form and form.library) == library


def test_a_large_table_of_arrow_does_not_become_records() -> None:
    """Each value would be an object of Python."""
    rows = ArrowTable(pa.table({"b": pa.array([False]).take(pa.array([0] * (2**22 + 1)))}))
    with pytest.raises(InputTableError, match=r"4194305 values.*pd\.DataFrame"):
        records_of_columns("rows", rows)

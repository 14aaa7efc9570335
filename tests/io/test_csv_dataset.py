from pathlib import Path
from typing import Any

import pytest

from kedro_asgi.io import DatasetError
from kedro_asgi.io.files.csv import CSVDataset


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "rows.csv"


def test_the_first_row_names_the_columns(file: Path) -> None:
    CSVDataset(filepath=file).save([{"a": 1, "b": None}, {"b": "x,y", "a": 2.5}])
    assert file.read_text() == 'a,b\n1,\n2.5,"x,y"\n'


def test_every_value_is_loaded_as_text(file: Path) -> None:
    file.write_bytes(b"a,b\r\n1,\r\n")
    assert CSVDataset(filepath=file).load() == [{"a": "1", "b": ""}]


def test_a_byte_order_mark_is_not_part_of_a_name(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbfa\n1\n")
    dataset = CSVDataset(filepath=file)
    assert dataset.load() == [{"a": "1"}]
    dataset.save(dataset.load())
    assert file.read_bytes() == b"a\n1\n"


@pytest.mark.parametrize(
    ("row", "complaint"),
    [({"a": 1}, r"missing \['b'\], too many \[\]"), ({"a": 1, "b": 2, "c": 3}, r"missing \[\], too many \['c'\]")],
)
def test_a_row_with_other_columns_is_an_error_that_names_it(file: Path, row: dict[str, Any], complaint: str) -> None:
    with pytest.raises(DatasetError, match=rf"Row 2 does not have the columns \['a', 'b'\]: {complaint}"):
        CSVDataset(filepath=file).save([{"a": 1, "b": 2}, row])
    assert not file.exists()


def test_arguments_of_the_library_allow_rows_to_differ(file: Path) -> None:
    save_args = {"restval": "-", "extrasaction": "ignore", "delimiter": ";"}
    CSVDataset(filepath=file, save_args=save_args).save([{"a": 1, "b": 2}, {"a": 1, "c": 3}])
    assert file.read_text() == "a;b\n1;2\n1;-\n"


def test_no_rows_make_an_empty_file_or_a_header(file: Path) -> None:
    CSVDataset(filepath=file).save([])
    assert file.read_text() == ""
    assert CSVDataset(filepath=file).load() == []
    CSVDataset(filepath=file, save_args={"fieldnames": ["a", "b"]}).save([])
    assert file.read_text() == "a,b\n"


@pytest.mark.parametrize("rows", [[1], [{"a": 1}, 2]])
def test_rows_must_be_mappings(file: Path, rows: list[Any]) -> None:
    with pytest.raises(DatasetError, match=rf"row {len(rows)} is int"):
        CSVDataset(filepath=file).save(rows)


def test_load_args_go_to_the_reader(file: Path) -> None:
    file.write_text("1;2\n")
    load_args = {"fieldnames": ["a", "b"], "delimiter": ";"}
    assert CSVDataset(filepath=file, load_args=load_args).load() == [{"a": "1", "b": "2"}]

"""Rows in a CSV file."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from kedro_asgi.errors import DatasetError
from kedro_asgi.io.files.base import FileDataset


class CSVDataset(FileDataset):
    """A list of rows, each a dict of str by column; no type is guessed.

    ``load_args`` go to ``csv.DictReader``, ``save_args`` to ``csv.DictWriter``. The first row that is saved
    names the columns, unless ``fieldnames`` in ``save_args`` does; every other row must have the same ones.
    """

    _default_save_args: ClassVar[Mapping[str, object]] = {"lineterminator": "\n"}
    # Spreadsheets write a byte order mark at the start; a file without one reads the same.
    _default_load_encoding = "utf-8-sig"

    def _decode(self, content: bytes) -> list[dict[str, Any]]:
        text = io.StringIO(content.decode(self._load_encoding), newline="")
        return list(csv.DictReader(text, **self._load_args))

    def _encode(self, data: Sequence[Mapping[str, object]]) -> bytes:
        rows = list(data)
        arguments = dict(self._save_args)
        columns = arguments.pop("fieldnames", None) or _columns(rows)
        text = io.StringIO(newline="")
        if columns:
            writer = csv.DictWriter(text, columns, **arguments)
            writer.writeheader()
            for number, row in enumerate(rows, start=1):
                _check_row(row, number, columns, arguments)
                writer.writerow(row)
        return text.getvalue().encode(self._save_encoding)


def _columns(rows: list[Mapping[str, object]]) -> list[str]:
    if rows and not isinstance(rows[0], Mapping):
        raise DatasetError(f"A CSV file holds rows that are mappings; row 1 is {type(rows[0]).__name__}.")
    return list(rows[0]) if rows else []


def _check_row(row: Mapping[str, object], number: int, columns: Sequence[str], arguments: Mapping[str, object]) -> None:
    """Refuse a row of another shape, which would shift or lose data, unless the arguments allow it."""
    if not isinstance(row, Mapping):
        raise DatasetError(f"A CSV file holds rows that are mappings; row {number} is {type(row).__name__}.")
    extra = [] if arguments.get("extrasaction") == "ignore" else [key for key in row if key not in columns]
    missing = [] if "restval" in arguments else [key for key in columns if key not in row]
    if extra or missing:
        raise DatasetError(
            f"Row {number} does not have the columns {list(columns)}: missing {missing}, too many {extra}."
        )

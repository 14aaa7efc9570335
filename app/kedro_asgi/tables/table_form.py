"""The kind of table that an input becomes, and the declared types of its columns."""

from collections.abc import Mapping
from typing import Any, Literal, Self

import msgspec

# A float holds each integer up to this one.
LARGEST_EXACT = 2**53

Library = Literal["pandas", "polars", "polars.lazy", "pyarrow"]


class TableForm(msgspec.Struct, frozen=True, kw_only=True):
    """The frame that a dataset's consumers expect: its library, and the columns whose type JSON cannot express.

    ``dtype`` is one type for all columns, or types by column. ``parse_dates`` names columns with dates as text;
    ``date_format`` is a format that they may have besides ISO 8601. ``index_col`` names columns that become the
    index. ``is_sheets`` asks for a mapping of tables, as a workbook with several sheets is loaded.
    """

    library: Library
    dtype: Any = None
    parse_dates: tuple[str, ...] = ()
    date_format: Any = None
    index_col: tuple[str, ...] = ()
    is_sheets: bool = False

    @classmethod
    def read(cls, library: Library, options: Mapping[str, Any]) -> Self:
        """Read the arguments that pandas' own readers take; columns that are given by number are ignored."""
        dates = options.get("parse_dates")
        return cls(
            library=library,
            dtype=options.get("dtype"),
            parse_dates=(*_names(dates), *_names(options.get("convert_dates"))),
            date_format=options.get("date_format") or (dates if isinstance(dates, Mapping) else None),
            index_col=_names(options.get("index_col")),
            is_sheets="sheet_name" in options and not isinstance(options["sheet_name"], str | int),
        )

    def dtype_of(self, column: str) -> Any:
        """Return the declared type of ``column``, or ``None``."""
        return self.dtype.get(column) if isinstance(self.dtype, Mapping) else self.dtype

    def date_format_of(self, column: str) -> str | None:
        """Return the format that dates in ``column`` may have besides ISO 8601."""
        found = self.date_format.get(column) if isinstance(self.date_format, Mapping) else self.date_format
        return found if isinstance(found, str) else None


def _names(value: Any) -> tuple[str, ...]:
    """Return the column names in an argument of pandas: one name, several, or a mapping by name."""
    if isinstance(value, str):
        return (value,)
    if isinstance(value, Mapping):
        return tuple(name for name, columns in value.items() if isinstance(name, str) and not isinstance(columns, list))
    return tuple(name for name in value if isinstance(name, str)) if isinstance(value, list | tuple) else ()

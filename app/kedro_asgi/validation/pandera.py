"""Schemas and models of pandera as validators, recognised by the module of their class: pandera is not imported."""

from collections.abc import Iterable, Iterator
from typing import Any, get_args

from kedro_asgi.errors import CheckFailure, DataValidationError
from kedro_asgi.errors.wording import class_path

OPTIONS = ("lazy", "head", "tail", "sample", "random_state")
_MAX_EXAMPLES = 5


def is_pandera(target: Any) -> bool:
    """Tell whether ``target`` is a schema, or a class of models, of pandera."""
    if isinstance(target, type):
        return any(base.__name__ == "DataFrameModel" for base in _pandera_bases(target))
    return hasattr(target, "validate") and any(_pandera_bases(type(target)))


def declared_schema(hint: Any) -> Any:
    """Return the schema or the class of models that a hint such as ``DataFrame[Model]`` names, or ``None``."""
    return next((found for found in get_args(hint) if is_pandera(found)), None)


def schema_of(declared: Any) -> Any:
    """Return a schema itself, or that of a class of models; raises what the code of a model raises."""
    return getattr(declared, "to_schema", lambda: declared)()


def datetime_columns(hint: Any) -> tuple[str, ...]:
    """Return the columns of dates and times that a hint such as ``DataFrame[Model]`` declares."""
    declared = declared_schema(hint)
    try:
        columns = {} if declared is None else schema_of(declared).columns
    except Exception:  # models of a project run code of their own
        return ()
    return tuple(str(name) for name, column in columns.items() if str(column.dtype).lower().startswith("date"))


class PanderaValidator:
    """Validates data with a schema; reports each failed check, or only the first one unless ``lazy``."""

    def __init__(
        self,
        schema: Any,
        lazy: bool = True,
        head: int | None = None,
        tail: int | None = None,
        sample: int | None = None,
        random_state: int | None = None,
    ) -> None:
        self.schema = schema
        limits = {"head": head, "tail": tail, "sample": sample, "random_state": random_state}
        self._arguments = {"lazy": lazy} | {name: limit for name, limit in limits.items() if limit is not None}

    def validate(self, data: Any) -> Any:
        """Return the data, with types coerced by the schema; raises `DataValidationError`."""
        try:
            return self.schema.validate(data, **self._arguments)
        except Exception as error:
            if getattr(error, "failure_cases", None) is None:
                raise
            path = _path(self.schema)
            message = f"Pandera validation failed against {path}"
            raise DataValidationError(message, validator=path, failures=_failures(error)) from error

    def __repr__(self) -> str:
        return f"{type(self).__name__}({_path(self.schema)})"


def _pandera_bases(cls: type) -> Iterator[type]:
    return (base for base in cls.__mro__ if base.__module__.partition(".")[0] == "pandera")


def _path(schema: Any) -> str:
    return class_path(schema if isinstance(schema, type) else type(schema))


def _failures(error: Any) -> list[CheckFailure]:
    values: dict[tuple[str | None, str], list[Any]] = {}
    for column, check, value in _cases(error):
        values.setdefault((column, check), []).append(value)
    return [
        CheckFailure(
            f"Check '{check}' failed for " + (f"column '{column}'" if column else "dataframe"),
            check=check,
            column=column,
            failure_count=len(found),
            failure_examples=found[:_MAX_EXAMPLES],
        )
        for (column, check), found in values.items()
    ]


def _cases(error: Any) -> Iterator[tuple[str | None, str, Any]]:
    """Yield column, check and value of each failure; a single error has one column and check for all its values."""
    check = getattr(error, "check", None)
    check = getattr(check, "error", None) or check
    for row in _rows(error.failure_cases):
        column = row.get("column", getattr(error, "column_name", None))
        yield column if isinstance(column, str) else None, str(row.get("check", check)), row.get("failure_case", row)


def _rows(cases: Any) -> Iterable[dict[str, Any]]:
    if hasattr(cases, "to_dicts"):  # polars
        rows: Iterable[dict[str, Any]] = cases.to_dicts()
    elif hasattr(cases, "to_dict"):
        rows = cases.to_dict("records")
    else:
        rows = [{"failure_case": cases}]
    return rows

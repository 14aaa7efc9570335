"""Converts plain values that stand in for datasets in memory to the types that the hints of nodes name."""

import dataclasses
import datetime
import decimal
import enum
import sys
import uuid
from collections.abc import Iterable
from types import UnionType
from typing import Annotated, Any, Literal, Protocol, Union, get_args, get_origin, is_typeddict

import msgspec

from kedro_asgi.errors import InputTypeError
from kedro_asgi.io.dataset import is_persistent
from kedro_asgi.io.inputs import frame_library, has_input_options, to_frame
from kedro_asgi.tables import TableForm
from kedro_asgi.validation import datetime_columns
from kedro_asgi.validation.hints import names_pydantic

# Classes that JSON does not have, which msgspec makes of what JSON has instead.
_MADE_OF_JSON = (
    *(msgspec.Struct, enum.Enum, tuple, set, frozenset, bytes, decimal.Decimal, uuid.UUID),
    *(datetime.date, datetime.time, datetime.timedelta),
)
_UNIONS = (Union, UnionType)


class InputType(Protocol):
    """The type that a node asks of an input."""

    def convert(self, name: str, data: object) -> object:
        """Return what ``data``, a plain value, becomes; raises an error that names the input ``name``."""
        ...


class FrameInput(msgspec.Struct, frozen=True):
    """A frame, whose columns of dates are those that a schema of pandera declares."""

    form: TableForm

    def convert(self, name: str, data: object) -> object:
        return to_frame(name, data, self.form)


class ModelInput(msgspec.Struct, frozen=True):
    """A class that JSON does not have, such as a model, or a collection of it."""

    hint: Any

    def convert(self, name: str, data: object) -> object:
        try:
            if names_pydantic(self.hint):
                return sys.modules["pydantic"].TypeAdapter(self.hint).validate_python(data)
            return msgspec.convert(data, self.hint)
        except Exception as error:  # the code of a model may raise anything
            raise InputTypeError(name, self.hint, str(error)) from error


def input_type(hints: Iterable[Any]) -> InputType | None:
    """Return what nodes with these hints ask of one input; ``None`` if they take it as it is, or do not agree."""
    found: list[InputType] = []
    for hint in hints:
        made = _input_type(hint)
        if made is None:
            return None
        if made not in found:
            found.append(made)
    return found[0] if len(found) == 1 else None


def takes_any(dataset: object) -> bool:
    """Tell whether a dataset, or the lack of one, leaves to nodes what an input in its place becomes."""
    if dataset is None:
        return True
    return not is_persistent(dataset) and not has_input_options(getattr(dataset, "metadata", None))


def _input_type(hint: Any) -> InputType | None:
    parts = [part for part in get_args(hint) if part is not type(None)] if get_origin(hint) in _UNIONS else [hint]
    library = frame_library(parts[0]) if len(parts) == 1 else None
    if library is not None:
        return FrameInput(TableForm(library=library, parse_dates=datetime_columns(parts[0])))
    is_convertible = names_pydantic(hint) or _kinds(hint) == {"json", "made"} or _kinds(hint) == {"made"}
    return ModelInput(hint) if is_convertible else None


def _kinds(hint: Any) -> set[str]:
    """Return whether a hint names what JSON has (``json``), what is made of it (``made``), or anything else."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _kinds(arguments[0])
    if origin is Literal or hint in (None, Any, object, ...) or is_typeddict(hint):
        return {"json"}
    if arguments:
        of_parts = {kind for part in arguments for kind in _kinds(part)}
        return of_parts if origin in _UNIONS else of_parts | _kinds_of_class(origin)
    return _kinds_of_class(hint)


def _kinds_of_class(kind: Any) -> set[str]:
    if not isinstance(kind, type):
        return {"other"}
    if dataclasses.is_dataclass(kind) or issubclass(kind, _MADE_OF_JSON):
        return {"made"}
    is_json = kind in (str, int, float, bool, list, dict, type(None)) or kind.__module__ == "collections.abc"
    return {"json"} if is_json else {"other"}

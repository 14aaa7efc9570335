"""What an error is called on the wire and which `except` catches it are promises: `error_promises.txt` holds them."""

import inspect
import pickle
from pathlib import Path

import pytest

from kedro_asgi import errors
from kedro_asgi.errors import KedroAsgiError, error_type

# One class a line: its type on the wire, then what else catches it.
PROMISES = Path(__file__).with_name("error_promises.txt").read_text().splitlines()

_CATCH_ALL = {KedroAsgiError, Exception, BaseException, object, getattr(errors, "ReportedAsBase", None)}


def every_class() -> list[type[KedroAsgiError]]:
    found = inspect.getmembers(errors, inspect.isclass)
    return [kind for name, kind in found if issubclass(kind, KedroAsgiError) and name != "ReportedAsBase"]


def promise_of(kind: type[KedroAsgiError]) -> str:
    named = f"{kind.__name__}: {error_type(kind.__new__(kind))}"
    caught_by = sorted(base.__name__ for base in kind.__mro__[1:] if base not in _CATCH_ALL)
    return f"{named} < {' '.join(caught_by)}" if caught_by else named


def test_every_error_keeps_its_type_on_the_wire_and_what_catches_it():
    assert [promise_of(kind) for kind in every_class()] == PROMISES


@pytest.mark.parametrize("kind", every_class())
def test_every_error_crosses_into_another_process(kind: type[KedroAsgiError]):
    error = kind.__new__(kind)
    error.args, error.fact = ("a", "b"), 1
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), copy.args, copy.fact) == (kind, ("a", "b"), 1)

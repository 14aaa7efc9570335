"""What an error is called on the wire and which `except` catches it are promises: `error_promises.txt` holds them."""

import copy
import inspect
import pickle
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from kedro_asgi import errors
from kedro_asgi.bridge import preserve_logging
from kedro_asgi.errors import KedroAsgiError, error_type

# One class a line: its type on the wire, then what else catches it.
PROMISES = Path(__file__).with_name("error_promises.txt").read_text().splitlines()

_CATCH_ALL = {KedroAsgiError, Exception, BaseException, object, getattr(errors, "ReportedAsBase", None)}


def imported(module: str) -> ModuleType:
    """Import a module; Kedro's configure logging, which must not last."""
    with preserve_logging():
        return import_module(module)


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
    assert isinstance(copy, kind)
    assert (error_type(copy), copy.args, copy.fact) == (error_type(error), ("a", "b"), 1)


COUNTERPARTS = [
    (errors.InterpolationKeyError, "omegaconf.errors", "InterpolationKeyError"),
    (errors.UnsupportedInterpolationType, "omegaconf.errors", "InterpolationResolutionError"),
    (errors.GrammarParseError, "omegaconf.errors", "GrammarParseError"),
    (errors.KeyValidationError, "omegaconf.errors", "KeyValidationError"),
    (errors.CallerValueError, "omegaconf.errors", "InterpolationResolutionError"),
    (errors.MissingEnvironmentError, "kedro.config", "MissingConfigException"),
    (errors.DatasetFailedError, "kedro.io", "DatasetError"),
    (errors.CredentialsNotFoundError, "kedro.io", "DatasetError"),
    (errors.VersionNotFoundError, "kedro.io.core", "VersionNotFoundError"),
    (errors.DataValidationError, "kedro.validation", "DataValidationError"),
    (errors.OutputNotUniqueError, "kedro.pipeline.pipeline", "OutputNotUniqueError"),
    (errors.SessionUsedError, "kedro.framework.session.session", "KedroSessionError"),
    (errors.SettingsError, "dynaconf", "ValidationError"),
    (errors.WorkerDiedError, "concurrent.futures.process", "BrokenProcessPool"),
]


@pytest.mark.parametrize(("kind", "module", "name"), COUNTERPARTS)
def test_an_error_is_caught_by_the_class_of_an_imported_library(kind: type[KedroAsgiError], module: str, name: str):
    library_error = getattr(imported(module), name)
    error = kind.__new__(kind)
    assert isinstance(error, library_error)
    assert type(error).__qualname__ == kind.__qualname__
    assert isinstance(pickle.loads(pickle.dumps(error)), library_error)


def test_the_class_of_a_library_changes_neither_message_nor_attributes():
    imported("kedro.validation")
    error = errors.DataValidationError("12 is too much", dataset_name="checked", mode="save")
    assert (error.dataset_name, error.mode) == ("checked", "save")
    assert str(error) == "Validation failed for dataset 'checked' on save\n12 is too much"


def test_a_subclass_of_a_user_is_caught_as_its_base_is():
    class TooMuch(errors.DatasetError):
        pass

    assert isinstance(TooMuch("12"), imported("kedro.io").DatasetError)


# Kedro's own errors for which there is one here.
OF_KEDRO = [
    "BadConfigException",
    "CircularDependencyError",
    "ConfirmNotUniqueError",
    "DataValidationError",
    "DatasetError",
    "DatasetNotFoundError",
    "KedroContextError",
    "KedroSessionError",
    "MissingConfigException",
    "ModelInstantiationError",
    "OutputNotUniqueError",
    "ParameterValidationError",
    "PipelineError",
    "ValidationConfigurationError",
    "VersionAlreadyExistsError",
    "VersionNotFoundError",
]


@pytest.mark.parametrize("name", OF_KEDRO)
def test_a_user_may_raise_and_subclass_an_error_with_a_text_as_in_kedro(name: str):
    kind = getattr(errors, name)

    class Mine(kind):  # type: ignore[misc]
        pass

    for error in (kind("text"), Mine("text")):
        assert (str(error), error.args) == ("text", ("text",))
        assert str(copy.copy(error)) == "text"
    assert str(pickle.loads(pickle.dumps(kind("text")))) == "text"


@pytest.mark.parametrize("count", [0, 1, 10, 11, 5000])
def test_the_text_of_a_data_validation_error_is_bounded_as_in_kedro(count: int):
    theirs = imported("kedro.validation")

    def text(module: ModuleType) -> str:
        failures = [
            module.CheckFailure(
                "m" * 900, check="c" * n, column="x" * n, failure_count=n, failure_examples=["e" * n] * 9
            )
            for n in range(count)
        ]
        return str(
            module.DataValidationError(
                "m" * 9000, dataset_name="d" * 9000, mode="load", validator="v", failures=failures
            )
        )

    assert text(errors) == text(theirs)
    assert len(text(errors)) < 8192


def test_the_text_of_a_data_validation_error_follows_its_attributes():
    error = errors.DataValidationError("bad")
    assert (str(error), error.args) == ("bad", ("bad",))
    error.dataset_name = "cars"
    assert str(error) == "Validation failed for dataset 'cars'\nbad"

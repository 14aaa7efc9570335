import importlib
import sys
from pathlib import Path
from typing import Any

import kedro_datasets.json
import pytest

from kedro_asgi.errors import DatasetTypeError
from kedro_asgi.io import CachedDataset, MemoryDataset, SharedMemoryDataset
from kedro_asgi.io.dataset_classes import DatasetClasses, dataset_class
from kedro_asgi.io.files.csv import CSVDataset
from kedro_asgi.io.files.json import JSONDataset


class Structural:
    def load(self) -> Any: ...

    def save(self, data: Any) -> None: ...


@pytest.fixture
def no_kedro_datasets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kedro_datasets", None)


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path / "made_datasets.py"


@pytest.mark.parametrize("prefix", ["", "kedro.io."])
@pytest.mark.parametrize("cls", [MemoryDataset, CachedDataset, SharedMemoryDataset])
def test_core_names_are_our_classes(prefix: str, cls: type[Any]) -> None:
    assert dataset_class(f"{prefix}{cls.__name__}") is cls


@pytest.mark.parametrize(
    "path", ["json.JSONDataset", "kedro_datasets.json.JSONDataset", "kedro_datasets.json.json_dataset.JSONDataset"]
)
def test_kedro_datasets_comes_first_if_it_is_installed(path: str) -> None:
    assert dataset_class(path) is kedro_datasets.json.JSONDataset


@pytest.mark.usefixtures("no_kedro_datasets")
@pytest.mark.parametrize(
    "path", ["json.JSONDataset", "kedro_datasets.json.JSONDataset", "kedro_datasets.json.json_dataset.JSONDataset"]
)
def test_built_in_datasets_are_used_without_kedro_datasets(path: str) -> None:
    assert dataset_class(path) is JSONDataset


def test_built_in_datasets_that_kedro_datasets_lacks_are_found() -> None:
    assert dataset_class("csv.CSVDataset") is CSVDataset


def test_a_class_need_not_extend_anything() -> None:
    assert dataset_class(f"{__name__}.Structural") is Structural
    assert dataset_class(Structural) is Structural


@pytest.mark.parametrize(
    ("type_", "message"),
    [
        (".a.B", "does not support relative paths or paths ending with a dot"),
        ("a.B.", "does not support relative paths or paths ending with a dot"),
        ("nope", r"Empty module name. Invalid dataset path: 'nope'. .*kedro-datasets"),
        ("nope.X", r"No module named 'nope'. .*kedro-datasets"),
        ("json.NopeDataset", r"Dataset 'NopeDataset' not found in 'json'. .*kedro-datasets"),
        (
            "builtins.dict",
            r"Dataset type 'builtins.dict' is invalid: all dataset types must extend 'AbstractDataset'.",
        ),
        ("os.path.join", r"issubclass\(\) arg 1 must be a class"),
        (3, r"issubclass\(\) arg 1 must be a class"),
        (None, r"issubclass\(\) arg 1 must be a class"),
    ],
)
def test_the_error_of_a_wrong_type_says_why(type_: Any, message: str) -> None:
    with pytest.raises(DatasetTypeError, match=message):
        dataset_class(type_)


def test_a_missing_library_is_reported_before_a_missing_name() -> None:
    with pytest.raises(DatasetTypeError, match=r"No module named '(?!pandas|kedro)"):
        dataset_class("snowflake.SnowparkTableDataset")


def test_the_error_of_a_failing_import_is_reported(module: Path) -> None:
    module.write_text("raise RuntimeError('no licence')")
    with pytest.raises(DatasetTypeError, match=r"Importing 'made_datasets.X' failed: RuntimeError: no licence"):
        dataset_class("made_datasets.X")


def test_a_library_missing_from_a_projects_module_is_named(module: Path) -> None:
    module.write_text("import missing_library")
    with pytest.raises(DatasetTypeError, match="No module named 'missing_library'"):
        dataset_class("made_datasets.X")


def test_an_old_name_that_ends_in_data_set_warns() -> None:
    with pytest.warns(UserWarning, match="names of datasets end in 'set'"), pytest.raises(DatasetTypeError):
        dataset_class("json.JSONDataSet")


def test_a_failed_lookup_is_repeated(module: Path) -> None:
    classes = DatasetClasses()
    with pytest.raises(DatasetTypeError):
        classes.find("made_datasets.X")
    module.write_text("class X:\n    def load(self): ...\n    def save(self, data): ...\n")
    # Python sees new modules by the folder's modification time, which may have a resolution of milliseconds.
    importlib.invalidate_caches()
    found = classes.find("made_datasets.X")
    assert found.__name__ == "X"
    assert classes.find("made_datasets.X") is found

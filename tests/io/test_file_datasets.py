import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import kedro_datasets.json
import kedro_datasets.pickle
import kedro_datasets.text
import kedro_datasets.yaml
import pytest

from kedro_asgi.io import DatasetError, Version
from kedro_asgi.io.files.base import FileDataset
from kedro_asgi.io.files.csv import CSVDataset
from kedro_asgi.io.files.json import JSONDataset
from kedro_asgi.io.files.pickle import PickleDataset
from kedro_asgi.io.files.text import TextDataset
from kedro_asgi.io.files.yaml import YAMLDataset

KINDS: list[tuple[type[FileDataset], Any]] = [
    (JSONDataset, {"ü": [1, 2.5, None, True]}),
    (YAMLDataset, {"ü": [1, 2.5, None, True]}),
    (TextDataset, "grüße\n"),
    (PickleDataset, {("a", 1): {2, 3}}),
    (CSVDataset, [{"ü": "1", "b": "x,y"}, {"ü": "", "b": 'q"'}]),
]
CLASSES = [kind for kind, _ in KINDS]
KEDROS = {
    JSONDataset: kedro_datasets.json.JSONDataset,
    YAMLDataset: kedro_datasets.yaml.YAMLDataset,
    TextDataset: kedro_datasets.text.TextDataset,
    PickleDataset: kedro_datasets.pickle.PickleDataset,
}


@pytest.mark.parametrize(("kind", "data"), KINDS)
def test_saved_data_is_loaded_and_folders_are_made(tmp_path: Path, kind: type[FileDataset], data: Any) -> None:
    dataset = kind(filepath=tmp_path / "new" / "folder" / "file")
    assert not dataset.exists()
    dataset.save(data)
    assert dataset.exists()
    assert dataset.load() == data


@pytest.mark.parametrize(("kind", "data"), KINDS)
def test_saving_again_replaces_the_file_and_keeps_its_mode(tmp_path: Path, kind: type[FileDataset], data: Any) -> None:
    file = tmp_path / "file"
    file.write_text("before")
    file.chmod(0o640)
    kind(filepath=file).save(data)
    assert kind(filepath=file).load() == data
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("kind", CLASSES)
def test_data_that_cannot_be_encoded_leaves_no_file(tmp_path: Path, kind: type[FileDataset]) -> None:
    with pytest.raises(DatasetError, match=r"while saving data to|rows that are mappings"):
        kind(filepath=tmp_path / "folder" / "file").save([{"a": 1}, lambda: None])
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("kind", CLASSES)
def test_a_missing_file_is_an_error_that_names_the_dataset(tmp_path: Path, kind: type[FileDataset]) -> None:
    with pytest.raises(DatasetError, match=rf"(?s){kind.__name__}\(filepath=.*No such file or directory") as caught:
        kind(filepath=tmp_path / "file").load()
    assert isinstance(caught.value.__cause__, FileNotFoundError)


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        (JSONDataset, b"{"),
        (YAMLDataset, b"a: ["),
        (TextDataset, b"\xff"),
        (PickleDataset, b"x"),
        (CSVDataset, b"\xff"),
    ],
)
def test_a_broken_file_is_an_error_with_its_cause(tmp_path: Path, kind: type[FileDataset], content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(DatasetError, match="Failed while loading data from dataset") as caught:
        kind(filepath=tmp_path / "file").load()
    assert caught.value.__cause__ is not None


def test_a_full_disk_leaves_the_old_content_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("before")
    code = (
        "import resource, sys\n"
        "from kedro_asgi.io.files.text import TextDataset\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "TextDataset(filepath=sys.argv[1]).save('x' * 5000)\n"
    )
    # Without -B, the process would write truncated bytecode of modules that it imports late.
    done = subprocess.run([sys.executable, "-B", "-c", code, str(file)], capture_output=True, text=True, check=False)
    assert "Failed while saving data to dataset" in done.stderr
    assert file.read_text() == "before"
    assert os.listdir(tmp_path) == ["file"]


def test_a_folder_in_the_place_of_the_file_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").mkdir()
    with pytest.raises(DatasetError, match="while saving data to"):
        TextDataset(filepath=tmp_path / "file").save("x")
    assert os.listdir(tmp_path) == ["file"]


def test_a_link_stays_and_its_target_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("before")
    (tmp_path / "link").symlink_to("real")
    TextDataset(filepath=tmp_path / "link").save("after")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "after"


def test_new_files_have_the_mode_that_the_process_asks_for(tmp_path: Path) -> None:
    TextDataset(filepath=tmp_path / "file").save("x")
    plain = tmp_path / "plain"
    plain.touch()
    assert (tmp_path / "file").stat().st_mode == plain.stat().st_mode


def test_file_urls_are_paths(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    assert TextDataset(filepath=f"file://{tmp_path}/a").load() == "x"


@pytest.mark.parametrize("filepath", ["s3://bucket/key", "https://host/key", "gs://a/b"])
def test_other_schemes_are_refused_with_a_hint(filepath: str) -> None:
    with pytest.raises(DatasetError, match=r"do not support '\w+://' paths. Install kedro-datasets"):
        JSONDataset(filepath=filepath)


@pytest.mark.parametrize("fs_args", [{"project": "x"}, {"open_args_save": {"mode": "a"}}])
def test_arguments_of_other_file_systems_are_refused(fs_args: dict[str, Any]) -> None:
    with pytest.raises(DatasetError, match="Install kedro-datasets"):
        TextDataset(filepath="x", fs_args=fs_args)


def test_the_encoding_can_be_chosen(tmp_path: Path) -> None:
    encoding = {"encoding": "latin-1", "mode": "w"}
    fs_args = {"open_args_load": {"encoding": "latin-1"}, "open_args_save": encoding, "auto_mkdir": True}
    dataset = TextDataset(filepath=tmp_path / "a", fs_args=fs_args)
    dataset.save("ü")
    assert (tmp_path / "a").read_bytes() == b"\xfc"
    assert dataset.load() == "ü"


def test_credentials_are_neither_needed_nor_shown(tmp_path: Path) -> None:
    dataset = JSONDataset(filepath=tmp_path / "a", credentials={"key": "secret"})
    dataset.save(1)
    assert "secret" not in repr(dataset)


def test_json_takes_arguments_of_the_library(tmp_path: Path) -> None:
    dataset = JSONDataset(filepath=tmp_path / "a", load_args={"parse_float": str}, save_args={"indent": None})
    dataset.save([1.5])
    assert (tmp_path / "a").read_text() == "[1.5]"
    assert dataset.load() == ["1.5"]


def test_yaml_makes_no_python_objects(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("!!python/object/apply:os.getcwd []")
    with pytest.raises(DatasetError, match="could not determine a constructor"):
        YAMLDataset(filepath=tmp_path / "a").load()


def test_line_ends_of_text_are_loaded_as_newlines(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1\r\n2\r3\n")
    assert TextDataset(filepath=tmp_path / "a").load() == "1\n2\n3\n"


def test_text_has_no_arguments() -> None:
    with pytest.raises(TypeError, match="no use for load_args or save_args"):
        TextDataset(filepath="x", load_args={"a": 1})


def test_other_pickle_backends_are_not_built_in() -> None:
    with pytest.raises(DatasetError, match="backend 'joblib' is not built in"):
        PickleDataset(filepath="x", backend="joblib")


@pytest.mark.parametrize(("kind", "data"), [pair for pair in KINDS if pair[0] in KEDROS])
def test_files_and_versions_are_the_same_as_those_of_kedro_datasets(
    tmp_path: Path, kind: type[FileDataset], data: Any
) -> None:
    ours, kedros = tmp_path / "ours", tmp_path / "kedros"
    kind(filepath=ours, version=Version(None, "v")).save(data)
    KEDROS[kind](filepath=str(kedros), version=Version(None, "v")).save(data)
    assert (ours / "v" / "ours").read_bytes() == (kedros / "v" / "kedros").read_bytes()
    assert kind(filepath=kedros, version=Version(None, None)).load() == data
    assert KEDROS[kind](filepath=str(ours), version=Version("v", None)).load() == data


def test_to_config_returns_the_entry_of_a_dataset() -> None:
    dataset = PickleDataset(filepath="a", save_args={"protocol": 4}, version=Version(None, "v"))
    config = dataset.to_config()
    assert config == {
        "type": "kedro_asgi.io.files.pickle.PickleDataset",
        "backend": "pickle",
        "filepath": "a",
        "save_args": {"protocol": 4},
        "versioned": True,
    }
    assert repr(PickleDataset.from_config("x", config, save_version="v")) == repr(dataset)

import bz2
import gzip
import io
import lzma
import os
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import fsspec
import pytest
from config_fixtures import WriteConfig

from kedro_asgi.config import Config, MissingConfigException
from kedro_asgi.errors import ConfigEncodingError, ConfigSourceError

FILES = {"conf/base/parameters.yml": "a: 1", "conf/base/sub/catalog_x.json": '{"d": {"type": "t"}}'}


def archive(path: Path, files: Mapping[str, str]) -> Path:
    if path.suffix.lower() == ".zip":
        with zipfile.ZipFile(path, "w") as target:
            for name, text in files.items():
                target.writestr(name, text)
        return path
    packers = {
        ".gz": gzip.compress,
        ".tgz": gzip.compress,
        ".bz2": bz2.compress,
        ".xz": lzma.compress,
        ".txz": lzma.compress,
    }
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
    path.write_bytes(packers.get(path.suffix, bytes)(data.getvalue()))
    return path


def config(source: str | Path, **arguments: str) -> Config:
    return Config(source, base_env="base", default_run_env="local", **arguments)


@pytest.mark.parametrize("name", ["c.zip", "c.tar", "c.tar.gz", "c.tgz", "c.tar.bz2", "c.tar.xz", "c.txz", "C.ZIP"])
def test_an_archive_with_one_top_level_folder_is_read_like_a_folder(tmp_path: Path, name: str) -> None:
    found = config(archive(tmp_path / name, FILES))
    assert found.resolve("parameters") == {"a": 1}
    assert found.resolve("catalog") == {"d": {"type": "t"}}


@pytest.mark.parametrize("made", ["c.zip", "c.tar", "c.tar.xz"])
@pytest.mark.parametrize("name", ["conf", "conf.bin", "of.tar.gz", "of.zip"])
def test_an_archive_is_recognised_by_its_content(tmp_path: Path, made: str, name: str) -> None:
    source = archive(tmp_path / made, FILES).rename(tmp_path / name)
    assert config(source).resolve("parameters") == {"a": 1}


@pytest.mark.parametrize("name", ["c.zip", "c.tar.gz"])
@pytest.mark.parametrize(
    "other", ["__MACOSX/conf/base/._parameters.yml", ".DS_Store", ".git/config", "._conf", "README.md"]
)
def test_what_lies_beside_the_configuration_in_an_archive_is_no_second_root(
    tmp_path: Path, name: str, other: str
) -> None:
    for files in ({other: "x", **FILES}, {**FILES, other: "x"}):
        assert config(archive(tmp_path / name, files)).resolve("parameters") == {"a": 1}


def test_an_archive_with_backslashes_in_its_names_is_read(tmp_path: Path) -> None:
    files = {name.replace("/", "\\"): text for name, text in FILES.items()}
    assert config(archive(tmp_path / "c.zip", files)).resolve("parameters") == {"a": 1}


def test_a_file_that_is_no_archive_is_no_configuration(tmp_path: Path) -> None:
    (tmp_path / "parameters.yml").write_text("a: 1")
    with pytest.raises(MissingConfigException, match="not a valid directory: .*parameters.yml"):
        config(tmp_path / "parameters.yml").resolve("parameters")


@pytest.mark.parametrize("name", ["c.zip", "c.tar.gz", "c.tar.xz"])
def test_an_archive_that_ends_too_early_is_an_error_that_names_it(tmp_path: Path, name: str) -> None:
    source = archive(tmp_path / name, {**FILES, "conf/base/more.yml": os.urandom(20_000).hex()})
    source.write_bytes(source.read_bytes()[:8_000])
    with pytest.raises(ConfigSourceError, match="cannot be read"):
        config(source).resolve("parameters")


@pytest.mark.parametrize("name", ["c.zip", "c.tar.gz"])
def test_an_archive_with_two_top_level_folders_is_refused(tmp_path: Path, name: str) -> None:
    source = archive(tmp_path / name, {**FILES, "other/base/parameters.yml": "a: 2"})
    with pytest.raises(ConfigSourceError, match=r"exactly one top-level folder, not \['conf', 'other'\]"):
        config(source).resolve("parameters")


def test_an_environment_that_an_archive_lacks_is_missing(tmp_path: Path) -> None:
    source = archive(tmp_path / "c.zip", FILES)
    with pytest.raises(MissingConfigException, match="Given configuration path either does not exist"):
        config(source, env="prod").resolve("parameters")


def test_a_broken_archive_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "c.zip").write_bytes(b"not a zip")
    with pytest.raises(ConfigSourceError, match=r"c\.zip' cannot be read"):
        config(tmp_path / "c.zip").resolve("parameters")


def test_an_absent_archive_is_missing_configuration(tmp_path: Path) -> None:
    with pytest.raises(MissingConfigException):
        config(tmp_path / "c.tgz").resolve("parameters")


def test_a_file_url_names_a_folder(write_config: WriteConfig) -> None:
    source = write_config({"base/parameters.yml": "a: 1"})
    assert config(source.as_uri()).resolve("parameters") == {"a": 1}


@pytest.fixture
def remote() -> Iterator[Any]:
    """A file system in memory with URLs, like those of clouds."""
    memory = fsspec.filesystem("memory")
    memory.pipe("/made/conf/base/parameters.yml", b"a: 1\nb: {c: 2}")
    memory.pipe("/made/conf/base/deep/parameters_x.json", b'{"x": 5}')
    memory.pipe("/made/conf/base/catalog.txt", b"no yaml")
    memory.pipe("/made/conf/prod/parameters.yml", b"a: 3")
    yield memory
    memory.rm("/made", recursive=True)


@pytest.mark.usefixtures("remote")
def test_a_folder_at_a_url_is_read_through_fsspec() -> None:
    assert config("memory://made/conf", env="prod").resolve("parameters") == {"a": 3, "b": {"c": 2}, "x": 5}
    with pytest.raises(MissingConfigException, match="memory://made/conf/nope"):
        config("memory://made/conf", env="nope").resolve("parameters")


def test_an_archive_at_a_url_is_unpacked(remote: Any) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("conf/base/parameters.yml", "a: 9")
    remote.pipe("/made/conf.zip", data.getvalue())
    assert config("memory://made/conf.zip").resolve("parameters") == {"a": 9}


def test_a_url_that_cannot_be_opened_does_not_show_its_password() -> None:
    with pytest.raises(ConfigSourceError, match="kedro-asgi.remote") as caught:
        config("nosuch://user:secret@bucket/conf").resolve("parameters")
    assert "secret" not in str(caught.value)


def test_construction_never_touches_the_source(tmp_path: Path) -> None:
    found = config(tmp_path / "nowhere")
    with pytest.raises(MissingConfigException, match="nowhere/base"):
        found.resolve("parameters")
    with pytest.raises(MissingConfigException, match="nowhere/base"):
        found.entries("catalog")


def test_no_source_at_all_is_a_type_error() -> None:
    nothing: Any = None
    with pytest.raises(TypeError):
        Config(nothing)


def test_files_that_are_not_utf8_are_named(write_config: WriteConfig) -> None:
    source = write_config({})
    (source / "base/parameters.yml").write_bytes(b"a: 1\nb: \xff")
    with pytest.raises(ConfigEncodingError, match=r"parameters\.yml is not UTF-8: line 2"):
        config(source).resolve("parameters")


@pytest.mark.skipif(os.name == "nt", reason="needs the right to make links")
def test_links_are_followed_except_in_cycles(write_config: WriteConfig, tmp_path: Path) -> None:
    (tmp_path / "mounted").mkdir()
    (tmp_path / "mounted/z.yml").write_text("z: 1")
    source = write_config({"base/parameters.yml": "a: 1"})
    (source / "base/parameters").symlink_to(tmp_path / "mounted")
    (source / "base/again").symlink_to(source / "base")
    assert config(source).resolve("parameters") == {"a": 1, "z": 1}


def test_each_file_is_read_once(write_config: WriteConfig) -> None:
    source = write_config({"base/parameters/catalog.yml": "a: {type: t}"})
    found = config(source)
    assert found.resolve("parameters") == {"a": {"type": "t"}}
    (source / "base/parameters/catalog.yml").write_text("b: 2")
    assert found.resolve("catalog") == {"a": {"type": "t"}}

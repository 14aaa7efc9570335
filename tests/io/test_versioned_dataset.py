import pickle
import threading
from pathlib import Path, PurePosixPath

import pytest

from kedro_asgi.io import AbstractVersionedDataset, DatasetError, Version, VersionNotFoundError
from kedro_asgi.io.files.json import JSONDataset


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "d.json"


def versioned(file: Path, load: str | None = None, save: str | None = None) -> JSONDataset:
    return JSONDataset(filepath=file, version=Version(load, save))


def test_a_version_is_a_folder_that_holds_a_file_of_the_same_name(file: Path) -> None:
    versioned(file, save="2020-01-01T00.00.00.000Z").save([1])
    assert (file / "2020-01-01T00.00.00.000Z" / "d.json").read_text() == "[\n  1\n]"


def test_the_latest_version_is_loaded(file: Path) -> None:
    for version in ("b", "c", "a"):
        JSONDataset(filepath=file / version / "d.json").save(version)
    (file / "z").mkdir()
    assert versioned(file).load() == "c"
    assert versioned(file).resolve_load_version() == "c"


def test_a_pinned_version_is_loaded(file: Path) -> None:
    for version in ("a", "b"):
        versioned(file, save=version).save(version)
    assert versioned(file, load="a").load() == "a"


def test_a_missing_pinned_version_does_not_exist(file: Path) -> None:
    versioned(file, save="a").save(1)
    assert versioned(file, load="a").exists()
    assert not versioned(file, load="b").exists()


def test_without_a_save_version_there_is_a_new_timestamp_for_every_save(file: Path) -> None:
    dataset = versioned(file)
    first = dataset.resolve_save_version()
    assert first is not None
    assert dataset.resolve_save_version() == first
    dataset.save(1)
    assert dataset.resolve_save_version() == dataset.resolve_load_version()


def test_the_latest_version_is_remembered_until_release(file: Path) -> None:
    versioned(file, save="a").save(1)
    dataset = versioned(file)
    assert dataset.load() == 1
    versioned(file, save="b").save(2)
    assert dataset.load() == 1
    dataset.release()
    assert dataset.load() == 2


def test_after_a_save_the_new_version_is_loaded(file: Path) -> None:
    versioned(file, save="a").save(1)
    dataset = versioned(file, save="b")
    assert dataset.load() == 1
    dataset.save(2)
    assert dataset.load() == 2


def test_nothing_to_load_is_an_error_and_does_not_exist(file: Path) -> None:
    with pytest.raises(VersionNotFoundError, match=r"Did not find any versions for .*JSONDataset"):
        versioned(file).load()
    assert not versioned(file).exists()


def test_a_version_is_not_overwritten(file: Path) -> None:
    versioned(file, save="a").save(1)
    with pytest.raises(DatasetError, match=r"Save path '.*a/d.json' for .* must not exist if versioning is enabled"):
        versioned(file, save="a").save(2)
    assert versioned(file).load() == 1


def test_a_file_in_the_place_of_the_folder_is_an_error(file: Path) -> None:
    file.write_text("1")
    message = r"Cannot save versioned dataset 'd.json' to '.*' because a file with the same name already exists"
    with pytest.raises(DatasetError, match=message):
        versioned(file, save="a").save(1)
    with pytest.raises(VersionNotFoundError):
        versioned(file).load()


@pytest.mark.parametrize("version", [".", "..", "../x", "a/b", "a\\b", "a\0b"])
def test_a_version_that_is_a_path_is_refused(file: Path, version: str) -> None:
    with pytest.raises(DatasetError, match="is not allowed"):
        versioned(file, load=version).load()
    with pytest.raises(DatasetError, match="is not allowed"):
        versioned(file, save=version).save(1)


def test_a_save_beside_a_pinned_load_version_warns(file: Path) -> None:
    versioned(file, save="b").save(1)
    with pytest.warns(UserWarning, match=r"Save version 'a' did not match load version 'b' for"):
        versioned(file, load="b", save="a").save(2)
    assert versioned(file, load="a").load() == 2


def test_saved_data_is_loaded_even_if_a_later_version_exists(file: Path) -> None:
    versioned(file, save="b").save(1)
    dataset = versioned(file, save="a")
    dataset.save(2)
    assert dataset.load() == 2
    dataset.release()
    assert dataset.load() == 1


def test_versions_are_listed_newest_first(file: Path) -> None:
    for version in ("a", "c", "b"):
        JSONDataset(filepath=file / version / "d.json").save(version)
    assert versioned(file).list_versions(full_path=False) == ["c", "b", "a"]
    assert versioned(file).list_versions()[0] == str(file / "c" / "d.json")


def test_without_versioning_there_are_no_versions_to_list(file: Path) -> None:
    dataset = JSONDataset(filepath=file)
    dataset.save(1)
    assert (dataset.resolve_load_version(), dataset.resolve_save_version(), dataset.list_versions()) == (
        None,
        None,
        [],
    )


def test_http_paths_cannot_be_versioned() -> None:
    with pytest.raises(DatasetError, match=r"Versioning is not supported for HTTP protocols\."):
        JSONDataset(filepath="https://host/d.json", version=Version(None, None))


def test_other_file_systems_bring_their_own_functions() -> None:
    class Remote(JSONDataset):
        def __init__(self) -> None:
            super().__init__(filepath="remote/d.json", version=Version(None, "c"))
            self._glob_function = lambda pattern: [pattern.replace("*", version) for version in "ab"]
            self._exists_function = lambda path: "/b/" in path

    assert Remote().resolve_load_version() == "b"
    assert Remote()._get_load_path() == PurePosixPath("remote/d.json/b/d.json")


def test_threads_agree_on_the_version_to_save(file: Path) -> None:
    dataset = versioned(file)
    found: set[str | None] = set()
    barrier = threading.Barrier(8)

    def resolve() -> None:
        barrier.wait()
        found.add(dataset.resolve_save_version())

    threads = [threading.Thread(target=resolve) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 1


def test_a_versioned_dataset_can_be_sent_to_another_process(file: Path) -> None:
    dataset = versioned(file, save="a")
    dataset.save(1)
    assert pickle.loads(pickle.dumps(dataset)).load() == 1


class Oldest(JSONDataset):
    """A class of a project that uses the methods that Kedro's base class gives it."""

    def _fetch_latest_load_version(self) -> str:
        return self.list_versions(full_path=False)[-1]

    def path_of(self, version: str) -> PurePosixPath:
        return self._get_versioned_path(version)


def test_classes_of_projects_choose_versions_and_ask_for_paths(file: Path) -> None:
    for version in ("a", "b"):
        versioned(file, save=version).save(version)
    oldest = Oldest(filepath=str(file), version=Version(None, None))
    assert oldest.load() == "a"
    assert oldest.path_of("b") == PurePosixPath(file, "b", "d.json")
    with pytest.raises(DatasetError, match="is not allowed"):
        oldest.path_of("../secrets")


def test_versions_that_may_not_be_listed_are_not_found(file: Path) -> None:
    def refuse(pattern: str) -> list[str]:
        raise PermissionError(13, "Permission denied", pattern)

    class Locked(AbstractVersionedDataset[int, int]):
        def load(self) -> int:
            return int(self._get_load_path().read_text())

        def save(self, data: int) -> None: ...

        def _describe(self) -> dict[str, object]:
            return {}

    dataset = Locked(PurePosixPath(file), Version(None, None), glob_function=refuse)
    with pytest.raises(VersionNotFoundError, match="due to insufficient permission: .*Permission denied"):
        dataset.resolve_load_version()
    assert not dataset.exists()

import logging
from typing import Any

import pytest

from kedro_asgi.io import AbstractDataset, DatasetError


class Plain(AbstractDataset[Any, Any]):
    def __init__(self, url: str = "mem://x", error: Exception | None = None, metadata: Any = None) -> None:
        self.url = url
        self.error = error
        self.data: Any = None

    def load(self) -> Any:
        self._raise()
        return self.data

    def save(self, data: Any) -> None:
        self._raise()
        self.data = data

    def _describe(self) -> dict[str, Any]:
        return {"url": self.url, "nothing": None, "deep": {"a": {"b": {"c": 1}}}}

    def _raise(self) -> None:
        if self.error:
            raise self.error


class Legacy(Plain):
    def _load(self) -> Any:
        return "legacy"

    def _save(self, data: Any) -> None:
        raise ValueError("legacy")


class Told(Plain):
    def _exists(self) -> bool:
        raise OSError("no answer")

    def _release(self) -> None:
        raise OSError("stuck")


def test_errors_of_load_are_wrapped_with_their_cause() -> None:
    cause = ValueError("broken")
    with pytest.raises(DatasetError, match=r"Failed while loading data from dataset .*Plain\(.*\)\.\nbroken") as caught:
        Plain(error=cause).load()
    assert caught.value.__cause__ is cause


def test_errors_of_save_are_wrapped() -> None:
    with pytest.raises(DatasetError, match=r"Failed while saving data to dataset .*Plain\(.*\)\.\nbroken"):
        Plain(error=ValueError("broken")).save(1)


def test_a_dataset_error_is_not_wrapped_again() -> None:
    error = DatasetError("as it is")
    with pytest.raises(DatasetError) as caught:
        Plain(error=error).load()
    assert caught.value is error


@pytest.mark.parametrize("error", [FileNotFoundError("gone"), NotADirectoryError("file")])
def test_a_missing_folder_passes_save_unwrapped_but_not_load(error: OSError) -> None:
    with pytest.raises(type(error)):
        Plain(error=error).save(1)
    with pytest.raises(DatasetError):
        Plain(error=error).load()


def test_saving_none_is_refused() -> None:
    with pytest.raises(DatasetError, match="Saving 'None' to a 'Dataset' is not allowed"):
        Plain().save(None)


def test_underscored_methods_count_as_load_and_save() -> None:
    assert Legacy().load() == "legacy"
    with pytest.raises(DatasetError, match="saving data to"):
        Legacy().save(1)


@pytest.mark.parametrize("error", [DatasetError("as it is")])
def test_a_dataset_error_of_exists_and_release_passes(error: DatasetError) -> None:
    class Refusing(Plain):
        def _exists(self) -> bool:
            raise error

        def _release(self) -> None:
            raise error

    for verb in (Refusing().exists, Refusing().release):
        with pytest.raises(DatasetError) as caught:
            verb()
        assert caught.value is error
        assert caught.value.__cause__ is None


def test_exists_and_release_are_wrapped() -> None:
    with pytest.raises(DatasetError, match=r"Failed during exists check for dataset .*\nno answer"):
        Told().exists()
    with pytest.raises(DatasetError, match=r"Failed during release for dataset .*\nstuck"):
        Told().release()


def test_a_dataset_without_exists_counts_as_missing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert not Plain().exists()
    assert "'exists()' not implemented for 'Plain'. Assuming output does not exist." in caplog.text


def test_repr_shows_the_class_path_and_the_description() -> None:
    assert repr(Plain()) == f"{__name__}.Plain(url='mem://x', deep={{'a': {{'b': {{...}}}}}})"


def test_credentials_in_urls_are_never_shown() -> None:
    dataset = Plain("s3://user:pw@bucket/key", error=ValueError("no s3://user:pw@bucket"))
    with pytest.raises(DatasetError) as caught:
        dataset.load()
    assert "pw" not in repr(dataset) + str(caught.value)


def test_a_class_without_a_required_method_cannot_be_instantiated() -> None:
    class Half(AbstractDataset[Any, Any]):
        def load(self) -> Any: ...

    with pytest.raises(TypeError, match="abstract"):
        Half()


def test_a_dataset_is_made_from_an_entry_and_returns_it_again() -> None:
    dataset = AbstractDataset.from_config("a", {"type": f"{__name__}.Plain", "url": "mem://y"})
    assert isinstance(dataset, Plain)
    assert dataset.to_config() == {"type": f"{__name__}.Plain", "url": "mem://y", "error": None}


def test_a_subclass_can_use_any_attribute_name() -> None:
    class Named(AbstractDataset[Any, Any]):
        def __init__(self, arguments: int) -> None:
            self._arguments, self._init_args, self._failed = arguments, "mine", "mine"

        def load(self) -> Any:
            raise LookupError(self._arguments)

        def save(self, data: Any) -> None:
            pass

        def _describe(self) -> dict[str, Any]:
            return {}

    assert Named(5).to_config()["arguments"] == 5
    with pytest.raises(DatasetError, match="Failed while loading data from dataset"):
        Named(5).load()

"""Dataset names with a format."""

import pytest

from kedro_asgi.errors import MixedTranscodingError, TranscodingError
from kedro_asgi.pipeline.transcoding import base_name, check_not_mixed, split_transcoding


@pytest.mark.parametrize(
    ("name", "base", "fmt"), [("x", "x", ""), ("x@csv", "x", "@csv"), ("x@", "x", "@"), ("@csv", "", "@csv")]
)
def test_a_name_is_a_dataset_and_a_format(name: str, base: str, fmt: str) -> None:
    assert split_transcoding(name) == (base, fmt)
    assert base_name(name) == base


def test_two_separators_are_refused_and_counted() -> None:
    with pytest.raises(TranscodingError, match="Expected maximum 1 transcoding separator, found 3 instead: 'a@b@c@d'"):
        base_name("a@b@c@d")


def test_a_dataset_is_used_with_formats_or_without() -> None:
    check_not_mixed(["a@x", "a@y", "b", "b"])

    with pytest.raises(MixedTranscodingError, match="were referenced without the separator: a, b.") as caught:
        check_not_mixed(["b", "a", "a@x", "b@y", "c"])
    assert caught.value.names == ["a", "b"]

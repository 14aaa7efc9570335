"""Sizes as users type them."""

import click
import pytest

from kedro_asgi.cli.options import Size


@pytest.mark.parametrize(
    ("text", "size"),
    [("1000", "1000"), ("512MiB", "536870912"), ("2 GB", "2000000000"), ("1.5g", "1500000000"), ("4kib", "4096")],
)
def test_a_size_becomes_bytes(text: str, size: str) -> None:
    assert Size().convert(text, None, None) == size


@pytest.mark.parametrize("text", ["", "lots", "-1", "1e9", "2XB", "٣", "9" * 40, "1.GB"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is not a size such as 512MiB"):
        Size().convert(text, None, None)

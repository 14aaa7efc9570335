"""Transcoding: ``x@csv`` names the dataset ``x``, read or written in the format ``csv``."""

from collections.abc import Iterable

from kedro_asgi.errors import MixedTranscodingError, TranscodingError
from kedro_asgi.reserved_names import FORMAT_SEPARATOR


def split_transcoding(name: str) -> tuple[str, str]:
    """Split ``name`` into dataset and format: ``x@csv`` becomes ``x`` and ``@csv``.

    Raises `TranscodingError` for more than one separator.
    """
    base, separator, fmt = name.partition(FORMAT_SEPARATOR)
    if FORMAT_SEPARATOR in fmt:
        raise TranscodingError(name)
    return base, separator + fmt


def base_name(name: str) -> str:
    """Return ``name`` without its format; raises `TranscodingError` for more than one separator."""
    return split_transcoding(name)[0]


def check_not_mixed(names: Iterable[str]) -> None:
    """Raise `MixedTranscodingError` if ``names`` has a dataset both with and without a format."""
    distinct = set(names)
    transcoded = {name for name in distinct if FORMAT_SEPARATOR in name}
    if mixed := (distinct - transcoded) & {base_name(name) for name in transcoded}:
        raise MixedTranscodingError(mixed)

"""Values of numpy."""

from typing import Any

from msgspec import UNSET


def plain_of_numpy(numpy: Any, value: Any) -> Any:
    """Return a scalar or an array as nested lists, with mappings for elements with named fields; else UNSET."""
    if not isinstance(value, numpy.ndarray | numpy.generic):
        return UNSET
    if value.dtype.kind in "mM":
        return _times(numpy, numpy.asarray(value))
    if value.dtype.names is None:
        return value.tolist()
    return _named(value.dtype.names, value.tolist())


def _times(numpy: Any, times: Any) -> Any:
    """Return Python's own datetimes and timedeltas, or text for a value that these cannot hold exactly."""
    coarse = times.astype(f"{times.dtype.kind}8[us]")
    if numpy.datetime_data(times.dtype)[0] in ("D", "h", "m", "s", "ms", "us"):
        return times.tolist()
    if (numpy.isnat(times) | (coarse.astype(times.dtype) == times)).all():
        return coarse.tolist()
    return numpy.where(numpy.isnat(times), None, times.astype(str)).tolist()


def _named(names: tuple[str, ...], element: Any) -> Any:
    return (
        [_named(names, item) for item in element]
        if isinstance(element, list)
        else dict(zip(names, element, strict=True))
    )

"""Values of numpy."""

from typing import Any

from msgspec import UNSET

from kedro_asgi.tables.values.keys import with_distinct_keys

_LONG = {"f": "float64", "c": "complex128"}


def plain_of_numpy(numpy: Any, value: Any) -> Any:
    """Return a scalar or an array as nested lists, with mappings for elements with named fields; else UNSET."""
    if not isinstance(value, numpy.ndarray | numpy.generic):
        return UNSET
    if value.dtype.names is not None:
        return _named(value)
    match value.dtype.kind:
        case "m" | "M":
            return _times(numpy, numpy.asarray(value))
        case "f" | "c" as kind if isinstance(value.dtype.type(), numpy.longdouble | numpy.clongdouble):
            # Python has no such number; the nearest that it has is what JSON can say.
            return value.astype(_LONG[kind]).tolist()
        case "O":
            return with_distinct_keys(value.tolist())
    return value.tolist()


def _times(numpy: Any, times: Any) -> Any:
    """Return Python's own datetimes and timedeltas, or text for a value that these cannot hold exactly."""
    unit, count = numpy.datetime_data(times.dtype)
    if times.dtype.kind == "m" and unit in ("Y", "M"):
        # A month has no fixed number of days.
        spans = numpy.char.add(numpy.char.add("P", (times.astype(int) * count).astype(str)), unit)
        return numpy.where(numpy.isnat(times), None, spans).tolist()
    coarse = times.astype(f"{times.dtype.kind}8[us]")
    if unit in ("D", "h", "m", "s", "ms", "us"):
        return times.tolist()
    if (numpy.isnat(times) | (coarse.astype(times.dtype) == times)).all():
        return coarse.tolist()
    return numpy.where(numpy.isnat(times), None, times.astype(str)).tolist()


def _named(value: Any) -> Any:
    """Return the elements of a structured array by the names of their fields."""
    if value.ndim:
        return [_named(item) for item in value]
    return {name: value[name] for name in value.dtype.names}

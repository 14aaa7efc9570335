"""Errors of other libraries that users already catch: ours are instances of them too, where they are imported."""

import sys
from functools import cache
from typing import Any

_LIBRARIES = (
    "kedro.config",
    "kedro.io",
    "kedro.io.core",
    "kedro.pipeline.pipeline",
    "kedro.validation",
    "kedro.framework.context",
    "kedro.framework.session.session",
    "omegaconf.errors",
    "dynaconf",
    "concurrent.futures.process",
)
_OURS = __name__.partition(".")[0]


def with_counterparts(kind: Any) -> Any:
    """Return a class that ``except`` takes for ``kind``, and for each error of its name in an imported library.

    Names are those under which Kedro reports the error. ``except`` looks at the bases of a class only, so no other
    means makes ``except omegaconf.errors.InterpolationResolutionError`` catch an error of ours.
    """
    plain = vars(kind).get("plain_class", kind)
    names = [vars(base).get("kedro_type") or base.__qualname__ for base in plain.__mro__ if _is_ours(base)]
    found = {error: None for name in names for module in _LIBRARIES if (error := _imported_error(module, name))}
    return _derived(plain, tuple(found)) if found else plain


def _is_ours(base: type) -> bool:
    return base.__module__.partition(".")[0] == _OURS


def _imported_error(module: str, name: str) -> type[Exception] | None:
    found = getattr(sys.modules.get(module), name, None)
    return found if isinstance(found, type) and issubclass(found, Exception) else None


@cache
def _derived(plain: Any, found: tuple[type[Exception], ...]) -> Any:
    is_covered = [any(other is not error and issubclass(other, error) for other in (plain, *found)) for error in found]
    bases = [error for error, covered in zip(found, is_covered, strict=True) if not covered]
    names = {name: getattr(plain, name) for name in ("__module__", "__qualname__", "__str__", "__repr__")}
    return type(plain.__name__, (plain, *bases), {**names, "plain_class": plain})

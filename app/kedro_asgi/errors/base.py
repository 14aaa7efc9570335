"""The root of all errors, and the name and message that each shows to users."""

from typing import Any, ClassVar, Self, TypeVar

from kedro_asgi.errors.counterparts import with_counterparts


class KedroAsgiError(Exception):
    """Root of all errors that kedro-asgi raises itself.

    An instance also has the class of that name of Kedro, OmegaConf or Dynaconf, where the process has imported it.
    """

    kedro_type: ClassVar[str | None] = None

    def __new__(cls, *args: Any, **facts: Any) -> Self:
        error: Self = super().__new__(with_counterparts(cls), *args)
        return error

    def __init__(self, *args: Any) -> None:
        # Do not call super(): the next class may be the library's, which would set attributes of its own.
        Exception.__init__(self, *args)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the attributes: most classes build their message, so they cannot be made from it again."""
        return _restore, (vars(type(self)).get("plain_class", type(self)), self.args, self.__dict__)


class ReportedAsBase(KedroAsgiError):
    """An error that Kedro raises as its base: `kedro_type` is that base's name.

    A builtin among the bases comes first, else the nearest class that has a name of its own in Kedro.
    """

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        bases = [base for base in cls.__mro__ if not issubclass(base, ReportedAsBase)]
        builtin = next(base for base in bases if base.__module__ == "builtins")
        cls.kedro_type = (bases[0] if builtin is Exception else builtin).__name__


ErrorT = TypeVar("ErrorT", bound=KedroAsgiError)


def _restore(kind: type[ErrorT], args: tuple[Any, ...], facts: dict[str, Any]) -> ErrorT:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(facts)
    return error


def fresh_error(error: ErrorT) -> ErrorT:
    """Return a copy to raise: an error that is kept and raised again would collect every traceback."""
    return _restore(type(error), error.args, error.__dict__)


def error_type(error: BaseException) -> str:
    """Return the name under which Kedro reports ``error``: the qualified name of its class, without the module."""
    return getattr(type(error), "kedro_type", None) or type(error).__qualname__


def describe_error(error: BaseException) -> tuple[str, str]:
    """Return the type and message of ``error``; if its ``__str__`` raises, those of the error it raises (SRV-29)."""
    try:
        return error_type(error), str(error)
    except (Exception, SystemExit) as secondary:
        try:
            return error_type(secondary), str(secondary)
        except (Exception, SystemExit):
            return error_type(secondary), "This error has no text, since its '__str__' raises."

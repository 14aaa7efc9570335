"""The end of work in another thread or on another event loop, as data."""

from collections.abc import Callable
from typing import Generic, TypeVar, cast

import msgspec

T = TypeVar("T")


class Outcome(msgspec.Struct, Generic[T], frozen=True, eq=False):
    """The result or the error of work.

    A future cannot carry ``StopIteration``, and a ``SystemExit`` of user code must end neither a worker thread nor
    the event loop (Q-35).
    """

    result: T | None = None
    error: BaseException | None = None

    @classmethod
    def of(cls, work: Callable[[], T]) -> "Outcome[T]":
        """Do the work in this thread."""
        try:
            return cls(result=work())
        except BaseException as error:
            return cls(error=error)

    def value(self) -> T:
        """Return the result, or raise the error."""
        if self.error is not None:
            raise self.error
        return cast("T", self.result)

"""The contract of the blocking sessions."""

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Any, Self

from kedro_asgi.errors import KedroSessionError as KedroSessionError


class AbstractSession(ABC):
    """An open project that can run; as a context manager it closes itself and suppresses no error."""

    @classmethod
    @abstractmethod
    def create(cls, *args: Any, **kwargs: Any) -> Self:
        """Open a project; raises the errors of its settings and hooks, not those of its configuration."""

    @abstractmethod
    def run(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Run pipelines and return their free outputs by name, as datasets."""

    @abstractmethod
    def close(self) -> None:
        """End the session."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

"""An asynchronous iterator that a caller may leave early."""

from collections.abc import AsyncGenerator
from types import TracebackType
from typing import Generic, Self, TypeVar

_Item = TypeVar("_Item")


class ClosableIterator(Generic[_Item]):
    """The items of a generator, to be read once. ``async with`` closes the generator at its end."""

    def __init__(self, items: AsyncGenerator[_Item, None]) -> None:
        self._items = items

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> _Item:
        return await anext(self._items)

    async def aclose(self) -> None:
        """Leave the iteration."""
        await self._items.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

"""The chunks that generator nodes yield, on their way to a reader while the run goes on."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import Any

import msgspec

from kedro_asgi.errors.wording import bounded, one_line
from kedro_asgi.failures import MAX_CHARACTERS
from kedro_asgi.redaction import redact

_log = logging.getLogger(__name__)


class Chunk(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A value that a node has yielded for ``output``; or the ``problem`` that keeps its chunks from the reader."""

    output: str
    value: Any = None
    problem: str | None = None


class ChunkStream(ABC):
    """Takes the chunks of one run for its reader; any thread of the run may call the methods.

    ``names`` are the outputs whose chunks the reader wants, and ``convert`` makes something else, such as JSON, of each
    chunk. One that it fails for is a problem, and the reader gets no more chunks of that output; the run goes on.
    """

    def __init__(self, names: Iterable[str] = (), *, convert: Callable[[str, Any], Any] | None = None) -> None:
        self.names = frozenset(names)
        """The outputs whose chunks the reader wants."""
        self.has_chunks = False
        """Whether the reader was given a chunk, so that the run cannot be tried again."""
        self._convert = convert
        self._refused: set[str] = set()

    @property
    def is_read(self) -> bool:
        """Whether a reader is there."""
        return True

    def wants(self, names: Iterable[str]) -> bool:
        """Whether the reader wants the chunks of any of these outputs."""
        return not self.names.isdisjoint(names)

    def put(self, name: str, value: object) -> None:
        """Convert a chunk and give it to the reader, if the reader wants it; raises what `give` raises."""
        if name not in self.names or name in self._refused or not self.is_read:
            return
        try:
            converted = value if self._convert is None else self._convert(name, value)
        except Exception as error:  # a lazy frame is computed now, which may fail in any way
            self.refuse(name, str(error) or type(error).__name__)
        else:
            self.give(Chunk(output=name, value=converted))

    def refuse(self, name: str, reason: str) -> None:
        """Tell the reader that it gets no more chunks of an output, and why."""
        if name in self.names and name not in self._refused:
            self._refused.add(name)
            problem = bounded(redact(reason), MAX_CHARACTERS)
            _log.warning("The chunks of output '%s' are not given: %s", name, one_line(problem))
            self.give(Chunk(output=name, problem=problem))

    def give(self, chunk: Chunk) -> None:
        """Give a chunk to the reader; wait while it is too slow. Raises the reason if the run is asked to stop."""
        self.has_chunks = True
        self._give(chunk)

    def give_soon(self, chunk: Chunk, taken: Callable[[], None]) -> None:
        """Give a chunk without waiting; ``taken`` is called when the reader has it, from any thread."""
        self.give(chunk)
        taken()

    @abstractmethod
    def _give(self, chunk: Chunk) -> None:
        """Do what `give` does."""

    @abstractmethod
    def release(self) -> None:
        """Let no thread wait for the reader any more: the run is to stop. Thread-safe."""


# Set for the threads of a run whose caller reads its chunks.
CHUNK_STREAM: ContextVar[ChunkStream | None] = ContextVar("kedro_asgi_chunk_stream", default=None)


def end_given_chunks() -> None:
    """Give no more chunks in this context if the reader has some: they would come again."""
    if has_given_chunks():
        CHUNK_STREAM.set(None)


def has_given_chunks() -> bool:
    """Whether a reader has chunks of the run of this context."""
    stream = CHUNK_STREAM.get()
    return stream is not None and stream.has_chunks

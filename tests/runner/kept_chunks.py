"""A reader of chunks that keeps them."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from kedro_asgi.runner.chunk_stream import CHUNK_STREAM, Chunk, ChunkStream


class KeptChunks(ChunkStream):
    """Keeps the chunks of a run."""

    def __init__(self, names: Iterable[str]) -> None:
        super().__init__(names)
        self.chunks: list[Chunk] = []

    def _give(self, chunk: Chunk) -> None:
        self.chunks.append(chunk)

    def release(self) -> None:
        """No thread waits."""


@contextmanager
def reading(*names: str) -> Iterator[KeptChunks]:
    """Keep the chunks of runs in this block."""
    stream = KeptChunks(names)
    token = CHUNK_STREAM.set(stream)
    yield stream
    CHUNK_STREAM.reset(token)

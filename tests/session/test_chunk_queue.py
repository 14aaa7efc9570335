"""`ChunkQueue`: chunks from threads to one reader, with back-pressure."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import anyio
import anyio.to_thread
import pytest

from kedro_asgi.encoding import encode_output
from kedro_asgi.errors import RunCancelledError
from kedro_asgi.runner.chunk_stream import Chunk
from kedro_asgi.runner.stopping import STOP_SIGNAL, StopSignal
from kedro_asgi.session.chunk_queue import ChunkQueue

pytestmark = pytest.mark.anyio


class Producer:
    """A thread that puts numbers until it is stopped, and counts them."""

    def __init__(self, queue: ChunkQueue, *, stop: StopSignal | None = None) -> None:
        self.queue, self.stop = queue, stop
        self.produced = 0
        self.wanted = 500
        self.error: BaseException | None = None
        self.thread = threading.Thread(target=self._work, daemon=True)

    def _work(self) -> None:
        STOP_SIGNAL.set(self.stop)
        try:
            for number in range(self.wanted):
                self.produced += 1
                self.queue.put("out", number)
        except RunCancelledError as error:
            self.error = error

    async def ended(self) -> None:
        with anyio.fail_after(60):
            await anyio.to_thread.run_sync(self.thread.join)

    async def is_blocked(self) -> None:
        """Wait until the window is full: the thread has produced one chunk more, and waits with it."""
        with anyio.fail_after(60):
            while self.produced <= 4:
                await anyio.sleep(0.001)


@contextmanager
def produced_by(producer: Producer) -> Iterator[Producer]:
    producer.thread.start()
    yield producer
    producer.queue.close()
    producer.thread.join(60)


async def test_a_slow_reader_slows_the_thread() -> None:
    queue, received = ChunkQueue(["out"], max_chunks=4), list[int]()
    with produced_by(Producer(queue)) as producer:
        while len(received) < producer.wanted:
            chunks = await queue.take()
            assert len(chunks) <= 4
            received += [chunk.value for chunk in chunks]
            assert producer.produced <= len(received) + 4 + 1
        await producer.ended()
    assert received == list(range(producer.wanted))


async def test_the_end_comes_after_the_last_chunk() -> None:
    queue = ChunkQueue(["out"])
    await anyio.to_thread.run_sync(queue.put, "out", 1)
    queue.end()
    assert [chunk.value for chunk in await queue.take()] == [1]
    assert await queue.take() == []


async def test_a_thread_whose_run_is_stopped_waits_no_longer() -> None:
    queue, stop = ChunkQueue(["out"], max_chunks=4), StopSignal()
    with produced_by(Producer(queue, stop=stop)) as producer:
        await producer.is_blocked()
        stop.stop(RunCancelledError())
        await producer.ended()
    assert producer.error is stop.reason
    assert producer.produced < producer.wanted


@pytest.mark.parametrize("threads", [1, 3])
async def test_threads_go_on_without_a_reader(threads: int) -> None:
    queue = ChunkQueue(["out"], max_chunks=4)
    producers = [Producer(queue) for _ in range(threads)]
    for producer in producers:
        producer.thread.start()
    await queue.take()
    queue.close()
    for producer in producers:
        await producer.ended()
        assert producer.produced == producer.wanted
    assert not queue.is_read


async def test_released_threads_wait_for_no_reader() -> None:
    queue = ChunkQueue(["out"], max_chunks=4)
    with produced_by(Producer(queue)) as producer:
        queue.release()
        await producer.ended()
        assert len(await queue.take()) == producer.wanted


async def test_a_chunk_without_a_json_form_ends_the_chunks_of_its_output_only(
    caplog: pytest.LogCaptureFixture,
) -> None:
    queue = ChunkQueue(["odd", "out"], convert=encode_output)

    def put() -> None:
        for name, value in [("odd", object()), ("odd", 1), ("other", 2), ("out", {"a": 1})]:
            queue.put(name, value)

    await anyio.to_thread.run_sync(put)
    problem, chunk = await queue.take()
    assert (problem.output, problem.value) == ("odd", None)
    assert "objects of type 'builtins.object' have no JSON form" in problem.problem
    assert (chunk.output, bytes(chunk.value), chunk.problem) == ("out", b'{"a":1}', None)
    assert "The chunks of output 'odd' are not given" in caplog.text


async def test_a_chunk_that_is_given_without_waiting_tells_when_the_reader_has_it() -> None:
    queue, taken = ChunkQueue(["out"], max_chunks=1), list[int]()
    for number in range(3):
        queue.give_soon(Chunk(output="out", value=number), lambda number=number: taken.append(number))
    assert [chunk.value for chunk in await queue.take()] == [0, 1, 2]
    assert taken == []
    queue.close()
    assert taken == [0, 1, 2]
    queue.give_soon(Chunk(output="out", value=3), lambda: taken.append(3))
    assert taken == [0, 1, 2, 3]

"""The garbage collector of Python."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused(*, keeps: bool = False) -> Iterator[None]:
    """Pause the collector of cycles in this block, in all threads; for imports and whatever else only adds objects.

    A start adds hundreds of thousands of objects, none of them garbage. To look through them again and again takes 14 %
    of the CPU time until the first run of an empty project has ended, and more where a project imports pandas. With
    ``keeps``, the collector never looks at what there is at the end of the block: for processes that are all ours.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if keeps:
            gc.freeze()
        if was_enabled:
            gc.enable()

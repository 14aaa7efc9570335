"""Keeps the service's long-lived work going, whatever errors it meets."""

import random
from collections.abc import Awaitable, Callable

import anyio
import msgspec

from kedro_asgi.dispatch.safe_logging import SafeLogger
from kedro_asgi.errors import StoreUnavailableError

_log = SafeLogger(__name__)

_STORE_PAUSE_SECONDS = 1.0
# Not the module's own generator: nodes and tests that seed it expect no other thread to draw from it.
_RANDOM = random.SystemRandom()
_PAUSES_SECONDS = (0.1, 1.0, 10.0, 60.0)


class LongLivedWork(msgspec.Struct, frozen=True, kw_only=True):
    """Something that goes on while a service is open: ``do`` again and again, with a pause after it.

    ``name`` says in an error what the service could not do.
    """

    name: str
    do: Callable[[], Awaitable[object]]
    pause_seconds: float = 0.0


def varied(seconds: float) -> float:
    """Return a pause of about ``seconds``: many workers that began together do not go on together."""
    return seconds * _RANDOM.uniform(0.9, 1.1)


async def keep_going(work: LongLivedWork) -> None:
    """Do the work again and again; after an error, log it and pause, longer while errors come.

    Errors of the store are not logged: the writer thread says that the store is not available.
    """
    failures = 0
    while True:
        pause = work.pause_seconds
        try:
            await work.do()
            failures = 0
        except StoreUnavailableError:
            pause = max(pause, _STORE_PAUSE_SECONDS)
        except Exception:
            pause = max(pause, _PAUSES_SECONDS[min(failures, len(_PAUSES_SECONDS) - 1)])
            failures += 1
            _log.exception("The run service could not %s; it tries again in %g seconds.", work.name, pause)
        await anyio.sleep(varied(pause))

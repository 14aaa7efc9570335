"""The setup of a worker of the cluster for the nodes of a project."""

import logging
import os
import pickle
import sys
import threading
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Self

from kedro_asgi.bridge import preserve_logging
from kedro_asgi.errors import ServerSettingsError
from kedro_asgi.runner.cluster.pickling import dumps
from kedro_asgi.runner.portable_struct import PortableStruct
from kedro_asgi.runner.process_state import log_at_least, log_levels
from kedro_asgi.tracing.sdk import set_up_inherited_sdk

_log = logging.getLogger(__name__)

# Held by a thread that changes the whole process: it opens a project, or imports modules that configure logging.
SETTING_UP = threading.RLock()


class WorkerSetup(PortableStruct, frozen=True, kw_only=True, eq=False):
    """The import path and the log levels of the process of a run, and how its project is opened.

    A worker has its own environment, folder and locale, and works for others at the same time. So it gets only what
    takes nothing from them.
    """

    path: tuple[str, ...]
    log_levels: Mapping[str, int]
    prepare: Callable[[], None] | None

    @classmethod
    def current(cls, prepare: Callable[[], None] | None) -> Self:
        """Return what workers need to work for this process."""
        return cls(path=tuple(sys.path), log_levels=log_levels(), prepare=prepare)

    def to_bytes(self) -> bytes:
        """Return the setup for `apply_setup`."""
        return dumps(self)


def apply_setup(setup: bytes) -> None:
    """Set this worker up, unless it is; raises what opening the project raises."""
    with SETTING_UP:
        _apply_once(setup)


@lru_cache(maxsize=256)
def _apply_once(data: bytes) -> None:
    setup: WorkerSetup = pickle.loads(data)
    try:
        # A worker without the preload has nothing else that does so.
        set_up_inherited_sdk()
    except ServerSettingsError as error:
        _log.warning("This worker exports no spans: %s", error)
    # Behind the worker's own, and folders that this machine has: a worker may have another version of a package.
    sys.path.extend(path for path in setup.path if path not in sys.path and os.path.exists(path))
    log_at_least(setup.log_levels)
    if setup.prepare is not None:
        with preserve_logging():
            setup.prepare()

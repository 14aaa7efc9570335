"""Tells Linux the names of a server's threads, so that the benchmarks see which thread takes how much CPU time.

Python does so itself from 3.14 on. Servers of the benchmarks find this file on their import path. The file that
``BENCHMARK_COLLECTIONS`` names gets a line for each full collection of garbage: the seconds for which it kept all
threads waiting.
"""

import ctypes
import gc
import os
import threading
import time

_PR_SET_NAME = 15
_prctl = ctypes.CDLL(None).prctl if hasattr(ctypes.CDLL(None), "prctl") else None
_set_ident = threading.Thread._set_ident


def _set_ident_and_name(self: threading.Thread) -> None:
    """The new thread itself calls this, before its work: classes that replace ``run`` have names, too."""
    _set_ident(self)
    if _prctl is not None and self is not threading.main_thread():
        _prctl(_PR_SET_NAME, self.name.encode()[:15], 0, 0, 0)


threading.Thread._set_ident = _set_ident_and_name

_collections = os.environ.get("BENCHMARK_COLLECTIONS")
_begun = 0.0


def _note_collection(phase: str, info: dict[str, int]) -> None:
    global _begun
    if info["generation"] < 2:
        return
    if phase == "start":
        _begun = time.thread_time()
        return
    with open(f"{_collections}", "a", encoding="utf-8") as file:
        file.write(f"{time.thread_time() - _begun}\n")


if _collections is not None:
    gc.callbacks.append(_note_collection)

"""Tells Linux the names of a server's threads, so that the benchmarks see which thread takes how much CPU time.

Python does so itself from 3.14 on. Servers of the benchmarks find this file on their import path.
"""

import ctypes
import threading

_PR_SET_NAME = 15
_prctl = ctypes.CDLL(None).prctl if hasattr(ctypes.CDLL(None), "prctl") else None
_set_ident = threading.Thread._set_ident


def _set_ident_and_name(self: threading.Thread) -> None:
    """The new thread itself calls this, before its work: classes that replace ``run`` have names, too."""
    _set_ident(self)
    if _prctl is not None and self is not threading.main_thread():
        _prctl(_PR_SET_NAME, self.name.encode()[:15], 0, 0, 0)


threading.Thread._set_ident = _set_ident_and_name

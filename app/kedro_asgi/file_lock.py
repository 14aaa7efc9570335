"""Locks on files, which the kernel frees when their process ends, however it ends. On Windows there are none."""

import os
import sys
from pathlib import Path

if sys.platform != "win32":
    import fcntl


def take_lock(path: Path) -> int:
    """Create and lock a file, and return its descriptor; closing that frees the lock.

    Waits for another process that has the lock. Raises ``OSError``.
    """
    descriptor = _open(path)
    if sys.platform != "win32":
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


def try_lock(path: Path) -> int | None:
    """Return what `take_lock` returns; ``None`` if another process has the lock."""
    descriptor = _open(path)
    try:
        if sys.platform != "win32":
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)


def is_unlocked(path: Path, *, remove: bool = False) -> bool:
    """Whether no process holds the file's lock; ``remove`` deletes the file while no process can take the lock.

    For a moment this takes a lock, which several may have unless they remove the file.
    """
    if sys.platform == "win32":
        return True
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_EX if remove else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        if remove:
            path.unlink(missing_ok=True)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True

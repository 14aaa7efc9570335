"""Replace the content of a file, all of it or nothing."""

import os
import secrets
from functools import partial
from pathlib import Path


def write_atomically(path: Path, content: bytes, *, mode: int = 0o666) -> None:
    """Write ``content`` to a new file beside ``path`` and swap the two: a reader sees the old content or the new.

    A failure leaves the old content. A symbolic link stays, and its target is replaced. Folders are made as needed.
    The permissions of a file that exists stay; a new file gets ``mode``, less the process's umask.
    """
    target = Path(os.path.realpath(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        with open(aside, "xb", opener=partial(os.open, mode=mode)) as file:
            file.write(content)
        if target.exists():
            aside.chmod(target.stat().st_mode & 0o7777)
        aside.replace(target)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise

"""The command in a pseudo terminal, and what a user sees there."""

import codecs
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping
from pathlib import Path

from serving import clean_environment

_CONTROL = re.compile(r"\x1b\[(\??)([0-9;]*)([A-Za-z])|\r|\n|[^\x1b\r\n]")


class Terminal:
    """A command of ``kedro-asgi`` that writes to a terminal of ``columns`` by ``lines``."""

    def __init__(
        self,
        *arguments: object,
        cwd: Path,
        columns: int = 100,
        lines: int = 30,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.columns = columns
        self.text = ""
        # A terminal may give half of a character.
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        kept = {
            key: value
            for key, value in clean_environment().items()
            if key not in ("CI", "NO_COLOR", "COLUMNS", "LINES")
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "kedro_asgi", *map(str, arguments)],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=cwd,
            env={**kept, "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8", **(environ or {})},
            start_new_session=True,
        )
        os.close(slave)

    def read_until(self, text: str, *, seconds: float = 120) -> None:
        """Read until the screen has shown ``text``."""
        deadline = time.monotonic() + seconds
        while text not in self.plain():
            assert time.monotonic() < deadline, self.text
            assert self._read(), self.text

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *error: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._master)

    def interrupt(self) -> None:
        """Press Ctrl+C."""
        self.process.send_signal(signal.SIGINT)

    def end(self) -> int:
        """Read to the end and return the exit code."""
        while self._read():
            pass
        return self.process.wait(60)

    def plain(self) -> str:
        """Return all that was written, without colours and movements."""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.text)

    def screen(self) -> list[str]:
        """Return the lines that are left in the terminal, those that have scrolled away too."""
        rows, row, column = [""], 0, 0
        for match in _CONTROL.finditer(self.text):
            character, (_, number, verb) = match[0], match.groups()
            if character == "\r":
                column = 0
            elif character == "\n":
                row += 1
                rows += [""] * (row + 1 - len(rows))
            elif verb == "A":
                row = max(0, row - int(number or 1))
            elif verb == "K":
                rows[row] = ""
            elif verb is None:
                if column == self.columns:
                    row, column = row + 1, 0
                    rows += [""] * (row + 1 - len(rows))
                rows[row] = rows[row][:column].ljust(column) + character + rows[row][column + 1 :]
                column += 1
        return [found.rstrip() for found in rows]

    def _read(self) -> bool:
        if not select.select([self._master], [], [], 60)[0]:
            return False
        try:
            data = os.read(self._master, 65536)
        except OSError:  # the process has ended
            return False
        self.text += self._decoder.decode(data)
        return bool(data)

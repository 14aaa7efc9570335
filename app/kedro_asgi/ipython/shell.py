"""The part of IPython's shell that the extension uses."""

from collections.abc import Callable
from types import TracebackType
from typing import Any, Protocol


class Shell(Protocol):
    """The methods of ``IPython.core.interactiveshell.InteractiveShell`` that the extension calls.

    IPython has no type hints for most of them.
    """

    user_ns: dict[str, Any]
    display_formatter: Any

    def register_magic_function(self, func: Callable[[str], None], magic_kind: str, magic_name: str) -> None:
        """Add a magic."""

    def push(self, variables: dict[str, Any]) -> None:
        """Set variables of the user."""

    def set_next_input(self, s: str) -> None:
        """Put a text into the next cell."""

    def set_hook(self, name: str, hook: Callable[..., Any], priority: int = 50, *, re_key: str) -> None:
        """Add a hook, such as one that completes names in lines that match ``re_key``."""

    def set_custom_exc(self, exc_tuple: tuple[type[BaseException], ...], handler: Callable[..., None]) -> None:
        """Have ``handler`` show the tracebacks of exceptions."""

    def showtraceback(
        self, exc_tuple: tuple[type[BaseException], BaseException, TracebackType | None], *, tb_offset: int | None
    ) -> None:
        """Show the traceback of an exception."""

"""A run as a live tree on a terminal; needs rich."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.text import Text
from rich.tree import Tree

from kedro_asgi.cli.console_handlers import console_above, filtered_console, is_not_shown_by_tree
from kedro_asgi.cli.run_progress import RunProgress, message_line
from kedro_asgi.cli.run_state import RunState
from kedro_asgi.cli.run_tree import run_tree
from kedro_asgi.cli.streams_above import streams_above
from kedro_asgi.events import Event, EventsLost, LogLine

_REFRESHES_PER_SECOND = 8
_MAX_LINES = 30


class LiveProgress(RunProgress):
    """Draws the tree of a run again and again, and removes it at the end; a thread of rich draws.

    What the process prints and logs meanwhile is written above the tree.
    """

    def __init__(self, state: RunState, *, title: str, err: bool) -> None:
        super().__init__(state, err=err)
        self._title = title
        # Texts come from users, so they contain no markup. The terminal breaks long lines, so that they can be copied.
        self._console = Console(stderr=err, markup=False, emoji=False, highlight=False, soft_wrap=True)

    @contextmanager
    def shown(self) -> Iterator[object]:
        live = Live(
            get_renderable=self._tree,
            console=self._console,
            refresh_per_second=_REFRESHES_PER_SECOND,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        with (
            filtered_console(is_not_shown_by_tree),
            live,
            streams_above(self._console) as stream,
            console_above(self._console, stream),
        ):
            yield live

    def emit(self, event: Event) -> None:
        self.state.note(event)
        match event:
            case LogLine() | EventsLost():
                self._console.print(Text(message_line(event)))

    def _tree(self) -> Tree:
        console = self._console
        return run_tree(
            self.state,
            title=self._title,
            height=max(1, min(console.height - 1, _MAX_LINES)),
            ascii_only=console.options.ascii_only,
        )

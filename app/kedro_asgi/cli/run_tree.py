"""A run as a tree of its nodes, for a terminal."""

from collections.abc import Iterable, Sequence

from rich.text import Text
from rich.tree import Tree

from kedro_asgi.cli.run_state import NodeRow, RunState
from kedro_asgi.cli.tables import STATUS_STYLES
from kedro_asgi.errors.wording import one_line
from kedro_asgi.node_runs import NodeState

_MARKS: dict[NodeState, str] = {
    "waiting": "·",
    "running": "▶",
    "success": "✓",
    "failure": "✗",
    "cancelled": "■",
    "skipped": "-",
}
_ASCII_MARKS: dict[NodeState, str] = {**_MARKS, "waiting": ".", "running": ">", "success": "+", "failure": "x"}
_WORDS: dict[NodeState, str] = {
    "waiting": "waiting",
    "running": "running",
    "success": "done",
    "failure": "failed",
    "cancelled": "stopped",
    "skipped": "skipped",
}
_ACTIVE: tuple[NodeState, ...] = ("running", "failure", "cancelled")
# The line of the run itself, and the one that counts what is not shown.
_FIXED_LINES = 2


def run_tree(state: RunState, *, title: str, height: int, ascii_only: bool = False) -> Tree:
    """Return the run in at most ``height`` lines; of many nodes, those that run and those around them.

    Texts are cut to the width of the terminal, and control characters and markup in names are shown as they are.
    """
    rows, counts = state.rows, state.counts()
    shown = _window(rows, height - _FIXED_LINES)
    done = counts["success"] + counts["failure"] + counts["cancelled"]
    tree = Tree(_line(f"{title}  {done}/{'?' if state.total is None else state.total} nodes  {_clock(state.seconds)}"))
    branches: dict[str, Tree] = {}
    for row in shown:
        _branch(tree, branches, row.namespace).add(_node(row, _ASCII_MARKS if ascii_only else _MARKS))
    hidden = counts - type(counts)(row.state for row in shown)
    if hidden:
        tree.add(_line("and " + ", ".join(f"{count} {_WORDS[name]}" for name, count in hidden.items()), style="dim"))
    return tree


def _window(rows: Sequence[NodeRow], lines: int) -> list[NodeRow]:
    """Return the rows to show: first the active ones, then the nearest to the first that is not done."""
    front = next((index for index, row in enumerate(rows) if row.state in ("waiting", "running")), len(rows))
    by_interest = sorted(range(len(rows)), key=lambda index: (rows[index].state not in _ACTIVE, abs(index - front)))
    chosen: list[int] = []
    namespaces: set[str] = set()
    for index in by_interest:
        needed = namespaces.union(_prefixes(rows[index].namespace))
        if len(chosen) + 1 + len(needed) > max(1, lines):
            break
        chosen.append(index)
        namespaces = needed
    return [rows[index] for index in sorted(chosen)]


def _prefixes(namespace: str | None) -> list[str]:
    """Return the namespaces around a node, outermost first."""
    parts = namespace.split(".") if namespace else []
    return [".".join(parts[: count + 1]) for count in range(len(parts))]


def _branch(tree: Tree, branches: dict[str, Tree], namespace: str | None) -> Tree:
    """Return the branch of a namespace, which is made at its first node."""
    for prefix in _prefixes(namespace):
        if prefix not in branches:
            branches[prefix] = tree.add(_line(prefix.rpartition(".")[2], style="bold"))
        tree = branches[prefix]
    return tree


def _node(row: NodeRow, marks: dict[NodeState, str]) -> Text:
    duration = "" if row.seconds is None else f"{row.seconds:.1f} s"
    name = row.name.removeprefix(f"{row.namespace}.")
    line = _line(f"{marks[row.state]} {duration:>8}  ", style=STATUS_STYLES[row.state])
    line.append(one_line(name), style="dim" if row.state in ("waiting", "skipped") else "default")
    if row.saved:
        line.append(f"  saved {_names(row.saved)}", style="dim")
    return line


def _names(names: Iterable[str]) -> str:
    return one_line(", ".join(names))


def _line(text: str, *, style: str = "") -> Text:
    """Return one line of text, which a narrow terminal shows cut instead of in several lines."""
    return Text(one_line(text), style=style, no_wrap=True, overflow="ellipsis", end="")


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"

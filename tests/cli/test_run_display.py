"""``kedro-asgi run`` shows a run in a terminal, in a pipe, and in CI."""

import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from terminal import Terminal

WORKING = """
import logging, sys, time
from pathlib import Path
from kedro_asgi.pipeline import Pipeline, node

HERE = Path(__file__).parents[2]

def load(a):
    logging.getLogger(__name__).info("loading [bold]%s[/bold]", "\\x1b[31mred")
    print("printed")
    print("to stderr", file=sys.stderr)
    for text in ("\\r 10 %", "\\r 90 %", "\\rbar ended\\n"):
        print(text, end="", file=sys.stderr, flush=True)
    print("without an end", end="")
    return a

def hold(x):
    (HERE / "started").touch()
    while not (HERE / "open").exists():
        time.sleep(0.01)
    return x

def fail(x):
    raise ValueError("no good")

def register_pipelines():
    first = [node(load, "params:a", "x[b]", name="load", namespace="data"), node(hold, "x[b]", "y", name="hold")]
    many = [node(load, "params:a", "x0", name="n0")]
    many += [node(hold if n == 100 else load_quietly, f"x{n - 1}", f"x{n}", name=f"n{n}") for n in range(1, 300)]
    return {
        "__default__": Pipeline([*first, node(fail, "y", "z", name="fail"), node(hold, "z", "end", name="after")]),
        "many[b]\\x1b": Pipeline(many),
    }

def load_quietly(x):
    return x
"""
CATALOG = "x[b]:\n  type: json.JSONDataset\n  filepath: data/x.json\n"


@pytest.fixture
def open_terminal(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    """Return a function that starts a command in a terminal."""
    with ExitStack() as terminals:
        yield lambda *arguments, **size: terminals.enter_context(Terminal(*arguments, cwd=tmp_path, **size))


def without_spaces(lines: Iterable[str]) -> str:
    """Join lines of a screen: where a line breaks, also at a space, depends on the length of the project's path."""
    return "".join("".join(lines).split())


def test_a_terminal_shows_a_live_tree_then_a_table_and_where_to_go_on(make_project, open_terminal) -> None:
    project = make_project(WORKING, catalog=CATALOG)
    terminal = open_terminal("run", project, "--params", "a=3")
    terminal.read_until("▶")
    terminal.read_until("hold")
    for part in ("__default__  1/4 nodes", "├── data", "└── ✓", "load  saved x[b]", "after"):
        terminal.read_until(part)
    (project / "open").touch()
    assert terminal.end() == 1
    screen = terminal.screen()
    # Log lines and what nodes print stay, whole and with their markup; the tree is gone.
    assert r"data.load]loading[bold]\x1b[31mred[/bold]" in without_spaces(screen)
    assert {"printed", "to stderr", "bar ended", "without an end"} < set(screen)
    assert "%" not in "".join(screen)
    assert not [line for line in screen if "▶" in line or "Running node" in line or "have not run" in line]
    table = screen[next(place for place, line in enumerate(screen) if line.startswith("NODE")) :]
    assert [line.split()[:2] for line in table[1:5]] == [
        ["data.load", "success"],
        ["hold", "success"],
        ["fail", "failure"],
        ["after", "skipped"],
    ]
    assert table[1].endswith("x[b]")
    assert re.fullmatch(r"4 nodes in \d+\.\d{3} s: 2 success, 1 failure, 1 skipped", table[5])
    error = next(place for place, line in enumerate(screen) if line.startswith("Error: ValueError: no good"))
    command = f'python -m kedro_asgi run {project} --params a=3 --from-nodes "hold"'
    assert without_spaces(screen[error:]).endswith(without_spaces(["Go on from where the run ended:", command]))
    assert terminal.text.rindex("\x1b[?25h") > terminal.text.rindex("\x1b[?25l")


def test_ctrl_c_ends_with_the_state_and_code_130(make_project, open_terminal) -> None:
    project = make_project(WORKING, settings="from kedro_asgi.session import JSONSessionStore as SESSION_STORE_CLASS\n")
    terminal = open_terminal("run", project, columns=40, lines=10)
    terminal.read_until("1/4 nodes")
    while not (project / "started").exists():
        time.sleep(0.01)
    terminal.interrupt()
    assert terminal.end() == 130
    screen = terminal.screen()
    head = next(place for place, line in enumerate(screen) if line.startswith("NODE"))
    assert [line.split()[1] for line in screen[head + 1 : head + 5]] == ["success", "cancelled", "skipped", "skipped"]
    assert screen[screen.index("Interrupted.") + 1] == "Go on from where the run ended:"
    assert '--from-nodes"data.load"' in without_spaces(screen)
    assert "Traceback" not in terminal.text
    assert "have not run" not in terminal.text
    assert terminal.text.rindex("\x1b[?25h") > terminal.text.rindex("\x1b[?25l")
    assert "KeyboardInterrupt" in next((project / "sessions").glob("*.json")).read_text()


def test_of_many_nodes_a_small_terminal_shows_those_around_the_running_one(make_project, open_terminal) -> None:
    project = make_project(WORKING)
    terminal = open_terminal("run", project, "-p", "many[b]\x1b", columns=32, lines=12)
    terminal.read_until("many[b]\\x1b  100/300 nodes")
    terminal.read_until("waiting")
    terminal.read_until("n100")
    frame = terminal.plain().rpartition("many[b]\\x1b  100/300")[2]
    assert len(frame.splitlines()) <= 12
    (project / "open").touch()
    assert terminal.end() == 0, terminal.text
    screen = terminal.screen()
    assert "300 nodes in" in "".join(screen)
    assert len(screen) < 60
    assert max(map(len, screen)) <= 32


def test_a_pipe_and_ci_get_plain_lines(make_project, command, open_terminal) -> None:
    project = make_project(catalog="d:\n  type: json.JSONDataset\n  filepath: data/d.json\n")
    done = command("run", project)
    assert re.search(r"^d: saved\ndouble: done in \d\.\d{3} s$", done.stderr, re.MULTILINE)
    assert re.search(r"^double  success  \d\.\d{3}    d$", done.stderr, re.MULTILINE)
    assert "\x1b" not in done.stdout + done.stderr
    terminal = open_terminal("run", project, environ={"CI": "true"})
    assert terminal.end() == 0
    assert "double: done in" in terminal.text
    assert "\x1b[?25l" not in terminal.text


def test_quiet_prints_only_warnings_and_errors(make_project, command) -> None:
    project = make_project(WORKING)
    (project / "open").touch()
    done = command("run", project, "--nodes", "data.load", "--quiet")
    assert (done.returncode, done.stdout) == (0, "printed\nwithout an end")
    assert re.fullmatch(r"to stderr\s+10 %\s+90 %\s+bar ended\n", done.stderr)
    failed = command("run", project, "--quiet")
    assert failed.returncode == 1
    assert "Error: ValueError: no good" in failed.stderr
    assert "run " in failed.stderr
    assert ' --quiet --from-nodes "data.load"' in failed.stderr
    assert "NODE" not in failed.stderr

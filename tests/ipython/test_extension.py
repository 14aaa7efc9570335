"""A project in IPython."""

import ast
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

from kedro_asgi.errors import NodeCodeError, NodeNotFoundError, ProjectError
from kedro_asgi.session import KedroServiceSession

Ask = Callable[[str], Any]
VARIABLES = ("context", "catalog", "pipelines", "session")


def test_a_project_becomes_variables(ask: Ask, notebook_project: Path) -> None:
    ask(f"%reload_kedro {notebook_project}")
    assert ask("context.params") == {"value": 3, "factor": 2.5}
    assert ask("'kept' in catalog and list(pipelines)") == ["__default__"]
    assert isinstance(ask("session"), KedroServiceSession)
    assert ask("[session.run()['same'].load() for _ in range(2)]") == [10, 10]


def test_options_reach_the_project(ask: Ask, notebook_project: Path, tmp_path: Path) -> None:
    other = tmp_path / "other conf"
    (other / "base").mkdir(parents=True)
    (other / "night").mkdir()
    (other / "base" / "parameters.yml").write_text("value: 1\nfactor: 1\n")
    ask(f"%reload_kedro {notebook_project} --env=night --conf-source '{other}' --params value=7,deep.er=1")
    assert ask("context.env") == "night"
    assert ask("context.params") == {"value": 7, "factor": 1, "deep": {"er": 1}}
    assert ask("session.run()['same'].load()") == 14
    assert ask("session.run(params={'value': 2})['same'].load()") == 4


def test_a_reload_reads_code_and_configuration_again(ask: Ask, notebook_project: Path) -> None:
    ask(f"%reload_kedro {notebook_project}")
    nodes = next(notebook_project.glob("src/*/nodes.py"))
    nodes.write_text(nodes.read_text().replace("value + by", "value - by"))
    (notebook_project / "conf/base/parameters.yml").write_text("value: 30\nfactor: 1\n")
    ask("%reload_kedro")
    assert ask("session.run()['same'].load()") == 0


def test_a_failed_reload_changes_nothing(ask: Ask, notebook_project: Path) -> None:
    ask(f"%reload_kedro {notebook_project}")
    before = [ask(name) for name in VARIABLES]
    registry = next(notebook_project.glob("src/*/pipeline_registry.py"))
    working = registry.read_text()
    registry.write_text("oops(")
    with pytest.raises(SyntaxError):
        ask("%reload_kedro")
    with pytest.raises(ProjectError):
        ask("%reload_kedro /nowhere/at/all")
    assert [ask(name) for name in VARIABLES] == before
    assert ask("list(pipelines), session.run()['same'].load()") == (["__default__"], 10)
    registry.write_text(working)
    ask("%reload_kedro")
    assert ask("session.run()['same'].load()") == 10


def test_the_project_around_the_working_directory_opens_at_once(
    notebook_project: Path, shell: InteractiveShell, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(notebook_project / "conf")
    shell.run_line_magic("reload_ext", "kedro_asgi.ipython")
    assert ask("session.run()['same'].load()") == 10


def test_a_broken_project_leaves_the_magics(
    notebook_project: Path, shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(notebook_project)
    next(notebook_project.glob("src/*/settings.py")).write_text("1 / 0")
    shell.run_line_magic("reload_ext", "kedro_asgi.ipython")
    assert "ZeroDivisionError" in caplog.text
    assert "settings.py, line 1" in caplog.text


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("%reload_kedro", "No Kedro project is at"),
        ("%reload_kedro --bogus", "unrecognized arguments: --bogus"),
        ("%reload_kedro . --params nonsense", "--params: Invalid 'params' value"),
        ("%load_node", "Name a node"),
        ("%load_node scale", "No project is open"),
    ],
)
def test_a_wrong_line_is_told_in_one_line(shell: InteractiveShell, line: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        shell.run_line_magic(*line[1:].split(" ", 1) if " " in line else (line[1:], ""))


def test_a_node_becomes_a_cell_that_runs(ask: Ask, shell: InteractiveShell, notebook_project: Path) -> None:
    ask(f"%reload_kedro {notebook_project}")
    ask("%load_node scale")
    cell = _next_cell(shell)
    assert "# Comments stay." in cell
    assert "UNUSED" not in cell
    assert "dumps" not in cell
    assert "import math" in cell
    assert f"from {notebook_project_package(notebook_project)}.constants import LIMIT as CEILING" in cell
    assert ask(cell) == 7.0


def test_an_async_node_is_awaited(ask: Ask, shell: InteractiveShell, notebook_project: Path) -> None:
    ask(f"%reload_kedro {notebook_project}")
    ask("%load_node shift")
    cell = _next_cell(shell)
    ast.parse(cell)
    assert cell.endswith("await shift(value=value, by=by)")


def test_a_node_without_code_is_told(ask: Ask, notebook_project: Path) -> None:
    ask(f"%reload_kedro {notebook_project}")
    with pytest.raises(NodeCodeError, match="'unnamed'"):
        ask("%load_node unnamed")
    with pytest.raises(NodeNotFoundError, match="Did you mean 'scale'"):
        ask("%load_node scal")


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("catalog.load('params:v", {"value"}),
        ('catalog.load("par', {"params:value", "params:factor", "parameters"}),
        ("%load_node s", {"scale", "shift"}),
        ("nothing.load('par", set[str]()),
    ],
)
def test_names_are_completed(
    ask: Ask, shell: InteractiveShell, notebook_project: Path, typed: str, offered: set[str]
) -> None:
    ask(f"%reload_kedro {notebook_project}")
    with provisionalcompleter():
        found = {completion.text for completion in shell.Completer.completions(typed, len(typed))}
    assert found == offered


def test_objects_are_shown_as_pictures_and_tables(ask: Ask, shell: InteractiveShell, notebook_project: Path) -> None:
    ask(f"%reload_kedro {notebook_project}")
    shell.display_formatter.active_types = ["text/plain", "text/html", "image/svg+xml"]

    def shown(cell: str) -> dict[str, str]:
        data, _ = shell.display_formatter.format(ask(cell))
        return dict(data)

    assert shown("pipelines['__default__']")["image/svg+xml"].startswith("<svg")
    assert "<td>kept</td>" in shown("catalog")["text/html"]
    assert "<td>__default__</td><td>3</td>" in shown("pipelines")["text/html"]
    assert "<td>same</td>" in shown("session.run()")["text/html"]
    ask("from kedro_asgi.runs import RunSpec")
    result = shown("session.execute(RunSpec.of(inputs={'shifted': '<img src=x>'}, node_names=['unnamed']))")
    assert "&lt;img src=x&gt;" in result["text/html"]
    assert "<img" not in result["text/html"]


def test_a_traceback_has_the_users_frames(
    ask: Ask, shell: InteractiveShell, notebook_project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ask(f"%reload_kedro {notebook_project}")
    shell.run_cell("session.run(params={'value': [1]})")
    # Where Kedro is imported, rich shows tracebacks, on standard error.
    shown = "".join(capsys.readouterr())
    assert "math.floor(value * factor)" in shown
    assert "kedro_asgi" not in shown.replace("kedro_asgi.ipython", "")


def test_the_extension_logs_what_it_opened(ask: Ask, notebook_project: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    ask(f"%reload_kedro {notebook_project}")
    assert f"Read the project in {notebook_project}; the variables are 'context', 'catalog'" in caplog.text


def _next_cell(shell: InteractiveShell) -> str:
    return str(shell.rl_next_input)


def notebook_project_package(project: Path) -> str:
    return next((project / "src").glob("*/nodes.py")).parent.name

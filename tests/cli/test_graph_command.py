"""``kedro-asgi graph`` and ``kedro-asgi runs timeline``."""

from pathlib import Path
from xml.etree import ElementTree

import httpx
import pytest
from click.testing import CliRunner, Result

from kedro_asgi.cli import main


def draw(project: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["graph", "--project", str(project), *arguments])


def test_a_pipeline_is_drawn_as_svg(tiny: Path) -> None:
    drawn = draw(tiny, "calc")
    assert drawn.exit_code == 0, drawn.output
    assert ElementTree.fromstring(drawn.output)[0].text == "Pipeline calc"


def test_the_name_of_the_file_tells_the_format(tiny: Path, tmp_path: Path) -> None:
    for name, begin in (("g.svg", "<svg"), ("g.mmd", "flowchart TD")):
        assert draw(tiny, "-o", str(tmp_path / name), "--no-parameters").output == ""
        assert (tmp_path / name).read_text().startswith(begin)
    assert draw(tiny, "--format", "mermaid").output == draw(tiny, "__default__", "--format", "mermaid").output


def test_what_is_wrong_is_one_line(tiny: Path, tmp_path: Path) -> None:
    for arguments, message in [
        (("calk",), "Did you mean one of these instead?"),
        (("--collapse", "nowhere"), "the following namespaces: ['nowhere']"),
        (("-o", str(tmp_path / "g.png")), "ends with none of .svg, .mmd, .mermaid: give a --format."),
        (("-o", str(tiny / "pyproject.toml" / "g.svg")), "cannot be written"),
    ]:
        drawn = draw(tiny, *arguments)
        assert drawn.exit_code != 0
        assert message in drawn.output
        assert "Traceback" not in drawn.output


@pytest.mark.slow
def test_a_run_of_a_server_colours_the_picture_and_has_a_time_line(work: Path, start, command, tmp_path: Path) -> None:
    server = start("kedro_asgi", "serve", work)
    run_id = httpx.post(f"{server.url}/run", json={"pipeline_names": ["boom"]}).json()["run_id"]
    drawn = command("graph", "boom", "--run", run_id, "--url", server.url, cwd=work)
    assert 'class="node failure"' in drawn.stdout
    assert f"{server.url}/dashboard/#/project/boom?element=node%3Aboom" in drawn.stdout
    line = command("runs", "timeline", run_id, "-o", tmp_path / "line.svg", "--url", server.url)
    assert (line.returncode, line.stdout) == (0, "")
    assert f"Run {run_id} of boom: failure" in (tmp_path / "line.svg").read_text()

"""The README's snippets work as written, in any project."""

import re
from pathlib import Path
from typing import Any

import anyio
import pytest

from kedro_asgi.dispatch import Policy
from kedro_asgi.starter import write_starter

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.fixture
def project_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_starter(tmp_path / "other", project_name="made_other")
    monkeypatch.chdir(tmp_path)
    return write_starter(tmp_path / "penguins", project_name="made_penguins")


def trained(project_root: Path) -> None:
    from kedro_asgi.session import KedroServiceSession

    KedroServiceSession.create(project_path=project_root).run()


ROWS = [{"bill_length_mm": 46.5, "bill_depth_mm": 17.9, "flipper_length_mm": 192, "body_mass_g": 3500}]


@pytest.mark.parametrize("snippet", SNIPPETS, ids=range(len(SNIPPETS)))
def test_a_snippet(snippet: str, project_root: Path) -> None:
    trained(project_root)
    names: dict[str, Any] = {"project_root": project_root, "rows": ROWS}
    if "await" not in snippet:
        exec(snippet, names)
        return
    body = "\n".join(f"    {line}" for line in snippet.splitlines())
    exec(f"async def snippet():\n{body}\n    return dict(locals())\n", names)
    found = anyio.run(names["snippet"])
    answer = found.get("answer") or found["result"]
    assert answer.outputs["predictions"][0]["species"] == "Chinstrap"


def test_runs_in_process_as_documented(project_root: Path) -> None:
    trained(project_root)
    document = (Path(__file__).parent.parent / "docs" / "runs.md").read_text(encoding="utf-8")
    snippet = re.findall(r"```python\n(.*?)```", document, re.DOTALL)[0]
    body = "\n".join(f"    {line}" for line in snippet.splitlines())
    names: dict[str, Any] = {"project_root": project_root, "rows": ROWS}
    exec(f"async def snippet():\n{body}\n    return record, value\n", names)
    record, value = anyio.run(names["snippet"])
    assert record.status == "success"
    assert b"Chinstrap" in value


def test_every_setting_of_the_policy_is_documented() -> None:
    document = (Path(__file__).parent.parent / "docs" / "runs.md").read_text(encoding="utf-8")
    assert [
        field for field in Policy.__struct_fields__ if f"| `{field}`" not in document.replace("`, `", "` | `")
    ] == []


def test_the_readme_has_its_promised_snippets() -> None:
    assert len(SNIPPETS) >= 4

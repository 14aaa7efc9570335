"""The map in ``docs/architecture.md`` shows the storeys that import-linter enforces, and all commands."""

import re
import tomllib
from pathlib import Path

import click

from kedro_asgi.cli import main

ROOT = Path(__file__).parent.parent
_ROW = re.compile(r" {1,4}(?P<storey>\d)?\s*(?P<names>\S+(?: \S+)*)(?: {2,}(?P<text>.*))?")


def rows() -> list[tuple[int, list[str], str]]:
    """The rows of the map: the storey, its modules and what is said of them; further lines belong to the row above."""
    document = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    block = document.partition("## Storeys")[2].partition("```text\n")[2].partition("```")[0]
    found: list[tuple[int, list[str], str]] = []
    for line in block.splitlines():
        storey, names, text = found[-1] if found else (0, [], "")
        if line.startswith(" " * 8):
            found[-1] = (storey, names, f"{text} {line.strip()}")
        elif (match := _ROW.fullmatch(line)) is not None:
            found.append((int(match["storey"] or storey), match["names"].split(), match["text"] or ""))
    return found


def storeys() -> dict[str, int]:
    """The storey of each module and room of the package; rooms within rooms are left out."""
    names = {name.rstrip("/"): storey for storey, found, _ in rows() for name in found}
    return {name: storey for name, storey in names.items() if "/" not in name}


def layers() -> list[list[str]]:
    """The modules and rooms of each layer of import-linter, the highest first."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    (package,) = (found for found in settings["contracts"] if found.get("containers") == ["kedro_asgi"])
    return [re.split(r"\s*[:|]\s*", layer) for layer in package["layers"] if layer != "__main__"]


def test_the_map_has_each_module_of_the_layers() -> None:
    assert sorted(storeys()) == sorted(name for layer in layers() for name in layer)


def test_no_module_is_in_a_storey_above_those_of_a_higher_layer() -> None:
    found = storeys()
    lowest = 9
    for layer in layers():
        numbers = {name: found[name] for name in layer}
        assert max(numbers.values()) <= lowest, numbers
        lowest = min(numbers.values())


def test_each_room_of_the_map_exists() -> None:
    named = {name.rstrip("/") for _, names, _ in rows() for name in names if name.count("/") == 2}
    assert [room for room in sorted(named) if not (ROOT / "app" / "kedro_asgi" / room).is_dir()] == []


def test_the_map_has_each_command() -> None:
    (text,) = (text for _, names, text in rows() if names == ["cli/"])
    assert sorted(text.partition(";")[0].split(" · ")) == sorted(main.list_commands(click.Context(main)))

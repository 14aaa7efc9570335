"""The Dockerfile, read as far as the tests need it."""

import json
import shlex
from pathlib import Path
from typing import NamedTuple

REPOSITORY = Path(__file__).parents[2]


class Instruction(NamedTuple):
    """One instruction, with the stage that it belongs to; its lines are joined."""

    stage: int
    name: str
    text: str


def instructions() -> list[Instruction]:
    """Return the instructions of the Dockerfile; those before the first stage belong to stage -1."""
    lines = [line for line in (REPOSITORY / "Dockerfile").read_text().splitlines() if not line.startswith("#")]
    stage, found = -1, []
    for text in "\n".join(lines).replace("\\\n", "").splitlines():
        name, _, rest = text.strip().partition(" ")
        stage += name == "FROM"
        if name:
            found.append(Instruction(stage, name, rest.strip()))
    return found


def texts(name: str) -> list[str]:
    """Return what follows each instruction of this name."""
    return [instruction.text for instruction in instructions() if instruction.name == name]


def arguments() -> dict[str, str]:
    """Return the build arguments with their defaults."""
    return dict(text.split("=", 1) for text in texts("ARG"))


def command() -> list[str]:
    """Return the command of a container."""
    return json.loads(texts("CMD")[0])


def health_check() -> list[str]:
    """Return the command that tells whether a container is healthy."""
    return json.loads(texts("HEALTHCHECK")[0].partition("CMD ")[2])


def copied() -> list[str]:
    """Return the files and folders of the repository that the build copies."""
    return [name for text in texts("COPY") for name in shlex.split(text)[:-1]]

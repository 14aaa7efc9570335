"""The image: its files, its user, its health check; and its steps, run without Docker."""

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path

import pytest
from dockerfile import REPOSITORY, arguments, command, copied, health_check, instructions, texts

from kedro_asgi.starter import write_starter
from serving import clean_environment, free_port

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]


def test_the_label_has_the_version_of_the_project() -> None:
    assert arguments()["VERSION"] == PROJECT["version"]


def test_the_default_extras_exist() -> None:
    assert set(arguments()["EXTRAS"].split(",")) <= set(PROJECT["optional-dependencies"])


def test_the_user_is_a_number_and_not_root() -> None:
    assert all(int(part) > 0 for part in texts("USER")[-1].split(":"))


def test_the_health_check_asks_for_readiness() -> None:
    assert "'/ready'" in health_check()[-1]


def test_the_build_gets_what_it_copies_and_nothing_else() -> None:
    lines = (REPOSITORY / ".dockerignore").read_text().splitlines()
    admitted = {line[1:] for line in lines if line.startswith("!")}
    assert "*" in lines
    assert admitted == set(copied())
    assert all((REPOSITORY / name).exists() for name in admitted)
    assert any(fnmatch("app/__pycache__", line) for line in lines)


@pytest.mark.slow
def test_hadolint_has_no_complaint(tool: Callable[[str], str]) -> None:
    subprocess.run([tool("hadolint"), REPOSITORY / "Dockerfile"], check=True)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The environment that the steps of the Dockerfile make: of each stage in an environment of its own."""
    folder = tmp_path_factory.mktemp("image")
    stages = [folder / "build", folder / "image"]
    for stage in stages:
        subprocess.run([sys.executable, "-m", "venv", stage / "usr"], check=True)
        (stage / "src").mkdir()
    for stage, name, text in instructions():
        if name == "COPY":
            copy_into(stages[stage] / "src", text)
        elif name == "RUN":
            run_step(text, stages[stage], wheels=folder / "wheels", root=folder / "root")
    return folder / "image" / "usr"


def copy_into(folder: Path, text: str) -> None:
    for name in text.split()[:-1]:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder)


def run_step(text: str, stage: Path, *, wheels: Path, root: Path) -> None:
    """Run a step with the stage's environment first in PATH; only its folders are others."""
    step = text.partition("target=/wheels")[2] or text
    for place in ("/project", "/var/lib/kedro-asgi"):
        step = step.replace(f" {place}", f" {root}{place}")
    step = step.replace("/wheels", str(wheels))
    path = f"{stage / 'usr/bin'}{os.pathsep}{os.environ['PATH']}"
    environ = {**clean_environment(), **arguments(), "PATH": path}
    done = subprocess.run(["sh", "-ec", step], cwd=stage / "src", env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


class Container:
    """The command of the image in a sandbox: as another user, on a read-only file system, with two workers."""

    def __init__(self, tool: Callable[[str], str], built: Path, folder: Path) -> None:
        self.port = str(free_port())
        self.store = folder / "store"
        self.store.mkdir()
        self.log = folder / "log"
        self._project = write_starter(folder / "project", project_name="made_image")
        self._built = built
        self._bwrap = tool("bwrap")

    def start(self, *, temporary: tuple[str, ...] = ("--tmpfs", "/tmp")) -> "subprocess.Popen[bytes]":
        line = "probe sha256:" + "0" * 64 + " read"
        environ = {"KEDRO_SERVER_STORE": f"{self.store}/runs.db", "KEDRO_SERVER_WORKERS": "2"}
        program, *arguments_of_serve = command()
        served = [
            text.replace("/project", str(self._project)).replace("8000", self.port) for text in arguments_of_serve
        ]
        with self.log.open("w") as log:
            return subprocess.Popen(
                [*self._sandbox(temporary), str(self._built / "bin" / program), *served],
                env={**clean_environment(), **environ, "KEDRO_SERVER_TOKENS": line, "PYTHONDONTWRITEBYTECODE": "1"},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def _sandbox(self, temporary: tuple[str, ...]) -> list[str]:
        kept = [("--ro-bind", self._built), ("--ro-bind", self._project)]
        kept += [("--bind", self.store), ("--bind", self._project / "data")]
        return [
            *(self._bwrap, "--unshare-user", "--uid", "10001", "--gid", "10001", "--die-with-parent"),
            *("--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", *temporary),
            *(str(part) for option, place in kept for part in (option, place, place)),
        ]


@pytest.fixture
def container(tool: Callable[[str], str], built: Path, tmp_path: Path) -> Container:
    return Container(tool, built, tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(1800)  # The first test builds: it downloads and installs what the image has.
def test_an_image_serves_from_a_read_only_file_system(container: Container) -> None:
    """It writes to /tmp, the store and the data of the project; the health check has no token."""
    server = container.start()
    try:
        wait_until_healthy(container.port, server, container.log)
        assert (container.store / "runs.db").exists()
    finally:
        server.terminate()
        server.wait(timeout=120)


@pytest.mark.slow
@pytest.mark.timeout(1800)  # The first test builds: it downloads and installs what the image has.
def test_an_image_without_a_folder_for_temporary_files_says_so_in_one_line(container: Container) -> None:
    server = container.start(temporary=())
    assert server.wait(timeout=240) == 1
    assert container.log.read_text().splitlines() == [
        "Error: No folder for temporary files can be written: mount a tmpfs at /tmp, or name a folder in TMPDIR."
    ]


def wait_until_healthy(port: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    _, *check = (text.replace("8000", port) for text in health_check())
    environ = {**clean_environment(), "HTTP_PROXY": "http://127.0.0.1:1", "http_proxy": "http://127.0.0.1:1"}
    while subprocess.run([sys.executable, *check], env=environ, stderr=subprocess.DEVNULL).returncode != 0:
        assert server.poll() is None, log.read_text()

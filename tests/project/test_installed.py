"""A project whose package is installed from a wheel, with its configuration in a folder without the source."""

import shutil
import sys
import zipfile
from pathlib import Path

import httpx
import pytest

from kedro_asgi.errors import PackageConflictError, ServerSettingsError, SourceNotFoundError
from kedro_asgi.project import bootstrap_project, configure_project, load_project
from kedro_asgi.runner import ParallelRunner
from kedro_asgi.server import create_http_server
from kedro_asgi.server.configuration import ServerConfiguration
from kedro_asgi.session import AsyncSession, KedroServiceSession, KedroSession

CATALOG = "d:\n  type: json.JSONDataset\n  filepath: data/d.json\n"


class Installed:
    """A package in a folder of installed packages, and the folder of its deployment."""

    def __init__(self, project: Path, site: Path) -> None:
        self.folder, self.site = project, site
        self.source = next((project / "src").iterdir())
        self.package = self.source.name
        self._install(_wheel(self.source, project / "made.whl"))

    def _install(self, wheel: Path) -> None:
        """Unpack a wheel, which is all that pip does for one of plain Python."""
        zipfile.ZipFile(wheel).extractall(self.site)
        shutil.rmtree(self.source.parent)
        wheel.unlink()


def _wheel(source: Path, path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as wheel:
        for file in source.rglob("*.py"):
            wheel.write(file, file.relative_to(source.parent))
        wheel.writestr(f"{source.name}-1.0.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {source.name}\n")
    return path


@pytest.fixture
def installed(make_project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installed:
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    return Installed(make_project(catalog=CATALOG), tmp_path / "site")


@pytest.mark.parametrize("has_source_folder", [False, True])
def test_an_installed_package_runs_beside_its_pyproject(installed: Installed, has_source_folder: bool) -> None:
    if has_source_folder:
        (installed.folder / "src").mkdir()
    bootstrap_project(installed.folder)
    with KedroSession.create() as session:
        assert session.run()
    assert (installed.folder / "data/d.json").read_text() == "6"


def test_a_folder_with_a_pyproject_may_be_named_after_the_package_is_configured(installed: Installed) -> None:
    configure_project(installed.package)
    with KedroSession.create(project_path=installed.folder) as session:
        session.run()
    assert (installed.folder / "data/d.json").read_text() == "6"


def test_a_folder_without_a_pyproject_may_be_named_after_the_package_is_configured(installed: Installed) -> None:
    (installed.folder / "pyproject.toml").unlink()
    configure_project(installed.package)
    with KedroSession.create(project_path=installed.folder) as session:
        session.run(runner=ParallelRunner(max_workers=1))
    assert (installed.folder / "data/d.json").read_text() == "6"


def test_a_source_folder_that_is_missing_is_an_error_where_nothing_is_installed(tiny: Path) -> None:
    shutil.rmtree(tiny / "src")
    with pytest.raises(SourceNotFoundError, match="src' cannot be found"):
        bootstrap_project(tiny)


def test_a_source_beside_an_installed_package_is_still_a_conflict(installed: Installed, tmp_path: Path) -> None:
    load_project(installed.folder)
    installed.source.mkdir(parents=True)
    (installed.source / "__init__.py").write_text("OTHER = 1")
    with pytest.raises(PackageConflictError, match="already imported from"):
        load_project(installed.folder)


def test_a_session_is_created_by_the_name_of_a_package(installed: Installed) -> None:
    (installed.folder / "pyproject.toml").unlink()
    session = KedroServiceSession.create(project_path=installed.folder, package_name=installed.package)
    session.run(runtime_params={"a": 3})
    assert (installed.folder / "data/d.json").read_text() == "10"


@pytest.mark.anyio
async def test_an_application_serves_an_installed_package(installed: Installed) -> None:
    (installed.folder / "pyproject.toml").unlink()
    async with AsyncSession.create(installed.folder, package_name=installed.package) as session:
        assert (await session.run(outputs=["d"])).outputs == {"d": 6}
    app = create_http_server(installed.folder, package_name=installed.package, store="memory:")
    transport = httpx.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://server") as http,
    ):
        assert (await http.post("/run", json={"outputs": ["d"]})).json()["outputs"] == {"d": 6}
        metadata = (await http.get("/snapshot")).json()["metadata"]
        assert (metadata["project_name"], metadata["package_name"]) == (installed.package, installed.package)


@pytest.mark.parametrize("by", ["option", "variable"])
def test_serve_takes_the_name_of_an_installed_package(installed: Installed, start, by: str) -> None:
    (installed.folder / "pyproject.toml").unlink()
    options = ["--package-name", installed.package] if by == "option" else []
    variables = {} if options else {"KEDRO_SERVER_PACKAGE_NAME": installed.package}
    server = start("kedro_asgi", "serve", *options, installed.folder, PYTHONPATH=str(installed.site), **variables)
    assert httpx.post(f"{server.url}/run", json={"outputs": ["d"]}, timeout=60).json()["outputs"] == {"d": 6}


def test_the_working_directory_is_the_folder_of_an_installed_package(
    installed: Installed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(installed.folder)
    found = ServerConfiguration.read(
        project_path=None, env=None, conf_source=None, environ={"KEDRO_SERVER_PACKAGE_NAME": installed.package}
    )
    assert (found.project_path, found.package_name) == (installed.folder, installed.package)
    with pytest.raises(ServerSettingsError):
        ServerConfiguration.read(project_path=None, env=None, conf_source=None, environ={})


def test_a_package_that_is_not_installed_ends_the_command_with_one_line(tmp_path: Path, command) -> None:
    done = command("serve", "--package-name", "made_nowhere", tmp_path)
    assert done.returncode == 1
    assert "ModuleNotFoundError: No module named 'made_nowhere'" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_name_of_the_package_beats_a_pyproject(installed: Installed, make_project) -> None:
    other = make_project(name="other")
    assert load_project(other, package_name=installed.package).package_name == installed.package
    assert installed.package in sys.modules

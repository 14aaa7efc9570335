"""The settings of a server, and the values that it refuses (SRV-2)."""

import subprocess
import sys
from pathlib import Path

import pytest

from kedro_asgi.dispatch import Dispatcher, Policy
from kedro_asgi.errors import PolicyError, ServerSettingsError
from kedro_asgi.server import create_http_server
from kedro_asgi.server.configuration import ServerConfiguration, unknown_variables
from kedro_asgi.session import AsyncSession
from kedro_asgi.session.served_session import open_served_session
from serving import clean_environment

# Stands for an environment without the extra.
HIDE_DASK = """
import sys
from importlib.machinery import PathFinder

class Hide(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] == "distributed" else super().find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Hide
"""


def read(environ: dict[str, str], **arguments: object) -> ServerConfiguration:
    given = dict.fromkeys(("project_path", "env", "conf_source"))
    return ServerConfiguration.read(**{**given, **arguments}, environ=environ)


def test_an_option_that_no_server_has_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="A server has no option 'prelaod'"):
        create_http_server(tmp_path, prelaod=["model"])


def test_arguments_beat_the_environment(tmp_path: Path) -> None:
    environ = {
        "KEDRO_PROJECT_PATH": "/nope",
        "KEDRO_SERVER_ENV": "prod",
        "KEDRO_SERVER_CONF_SOURCE": "elsewhere",
        "KEDRO_SERVER_MAX_BODY_BYTES": "10",
    }
    settings = read(environ, project_path=tmp_path, env="")
    assert settings.project_path == tmp_path
    assert settings.env == ""
    assert settings.conf_source == "elsewhere"
    assert settings.max_body_bytes == 10
    assert settings.policy.max_queued_runs == 1000
    assert settings.store == str(tmp_path / ".kedro-asgi" / "runs.db")


def test_environment_variables_set_the_policy(tmp_path: Path) -> None:
    environ = {
        "KEDRO_SERVER_MAX_CONCURRENT_RUNS": "3",
        "KEDRO_SERVER_GRACE_SECONDS": "1.5",
        "KEDRO_SERVER_ON_RESTART": "mark",
        "KEDRO_SERVER_CANCEL_ON_HANG_UP": "true",
        "KEDRO_SERVER_STORE": "memory:",
    }
    settings = read(environ, project_path=tmp_path)
    assert settings.policy == Policy(max_concurrent_runs=3, grace_seconds=1.5, on_restart="mark")
    assert settings.cancel_on_hang_up
    assert settings.store == "memory:"
    assert read(environ, project_path=tmp_path, policy=Policy(), store="x.db").policy == Policy()


@pytest.mark.parametrize("argument", [None, ""])
def test_a_server_needs_a_project(argument: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KEDRO_PROJECT_PATH", raising=False)
    with pytest.raises(ServerSettingsError, match="Environment variable 'KEDRO_PROJECT_PATH' is not set"):
        create_http_server(argument)


def test_the_project_must_exist() -> None:
    with pytest.raises(ServerSettingsError, match="Project path '/nope' does not exist."):
        create_http_server("/nope")


@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5"])
def test_a_limit_must_be_a_whole_number_from_one(tmp_path: Path, value: str) -> None:
    with pytest.raises(ServerSettingsError, match="'KEDRO_SERVER_MAX_ATTEMPTS' must not be '.*': Expected `int`"):
        read({"KEDRO_SERVER_MAX_ATTEMPTS": value}, project_path=tmp_path)


@pytest.mark.parametrize("setting", ["KEDRO_SERVER_FAIR_SHARES", "KEDRO_SERVER_MCP"])
def test_a_switch_is_true_or_false(tmp_path: Path, setting: str) -> None:
    with pytest.raises(ServerSettingsError, match=f"'{setting}' must not be 'ja': it is true or false"):
        read({setting: "ja"}, project_path=tmp_path)


@pytest.mark.parametrize("limit", ["max_fleet_runs", "max_buffered_events", "max_unwritten_runs", "look_seconds"])
def test_limits_given_as_arguments_are_checked_too(tiny: Path, limit: str) -> None:
    with pytest.raises(PolicyError, match=rf"The run policy is invalid: .* `\$.{limit}`"):
        create_http_server(tiny, policy=Policy(**{limit: 0}))


def test_the_event_buffer_of_a_reader_cannot_be_empty(tmp_path: Path) -> None:
    with pytest.raises(ServerSettingsError, match="'KEDRO_SERVER_MAX_BUFFERED_EVENTS' must not be '0'"):
        read({"KEDRO_SERVER_MAX_BUFFERED_EVENTS": "0"}, project_path=tmp_path)


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("KEDRO_SERVER_MAX_CONCURENT_RUNS", "KEDRO_SERVER_MAX_CONCURRENT_RUNS"),
        ("KEDRO_SERVER_PROJECT_PATH", "KEDRO_PROJECT_PATH"),
        ("KEDRO_SERVER_PRELOADS", "KEDRO_SERVER_PRELOAD"),
    ],
)
def test_an_unknown_variable_is_logged_with_what_it_may_stand_for(
    tiny: Path, variable: str, meant: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(variable, "1")
    create_http_server(tiny)
    assert f"Environment variable '{variable}' is unknown. Did you mean " in caplog.text
    assert f"'{meant}'" in caplog.text


def test_known_variables_are_not_logged(tiny: Path, monkeypatch: pytest.MonkeyPatch, caplog) -> None:
    for name in ("ENV", "STORE", "PRELOAD", "MAX_QUEUED_RUNS", "RELOAD_SIGNAL", "LOG_LEVEL", "PACKAGE_NAME"):
        monkeypatch.setenv(f"KEDRO_SERVER_{name}", "1")
    assert unknown_variables() == []


@pytest.mark.parametrize("package_name", [None, "some_package"])
def test_an_empty_path_as_an_argument_is_an_error(tmp_path: Path, package_name: str | None) -> None:
    with pytest.raises(ServerSettingsError, match="'KEDRO_PROJECT_PATH' is not set or passed"):
        read({"KEDRO_PROJECT_PATH": str(tmp_path)}, project_path="", package_name=package_name)


def test_an_argument_beats_the_environment_and_the_project_in_where_runs_are_executed(tiny: Path) -> None:
    with (tiny / "pyproject.toml").open("a") as file:
        file.write('[tool.kedro-asgi]\nexecutor = "process"\nexecutors = {calc = "thread"}\n')
    environ = {"KEDRO_SERVER_EXECUTOR": "thread"}
    assert read({}, project_path=tiny).executor == "process"
    assert read(environ, project_path=tiny).executor == "thread"
    assert read(environ, project_path=tiny, executor="process").executor == "process"
    assert read({}, project_path=tiny).executor_choice.by_pipeline == {"calc": "thread"}
    with pytest.raises(ServerSettingsError, match="'KEDRO_SERVER_EXECUTOR' must not be 'fork'"):
        read({"KEDRO_SERVER_EXECUTOR": "fork"}, project_path=tiny)


def test_an_executor_for_a_pipeline_that_does_not_exist_is_logged(tiny: Path, caplog) -> None:
    with (tiny / "pyproject.toml").open("a") as file:
        file.write('[tool.kedro-asgi.executors]\ncalk = "process"\n')
    session = open_served_session(project_path=tiny, env=None, conf_source=None, preload=None, package_name=None)
    session.close()
    assert "names 'calk', but there is no such pipeline. Did you mean 'calc'?" in caplog.text


def test_a_memory_limit_needs_processes(tiny: Path) -> None:
    environ = {"KEDRO_SERVER_MAX_RUN_MEMORY_BYTES": str(2**30)}
    with pytest.raises(PolicyError, match="limits runs in processes only: set the executor to 'process'"):
        read(environ, project_path=tiny)
    assert read(environ, project_path=tiny, executor="process").policy.max_run_memory_bytes == 2**30
    with pytest.raises(PolicyError, match="limits runs in processes only"):
        Dispatcher(AsyncSession.create(tiny), policy=Policy(max_run_memory_bytes=2**30))


def test_variables_beat_the_cluster_of_the_project(tiny: Path) -> None:
    with (tiny / "pyproject.toml").open("a") as file:
        file.write('[tool.kedro-asgi.dask]\nscheduler = "tcp://a:1"\nresources = {calc = {GPU = 1}}\n')
    given = read({}, project_path=tiny).executor_choice.dask
    assert (given.scheduler, given.max_value_bytes) == ("tcp://a:1", 256 * 2**20)
    environ = {"KEDRO_SERVER_DASK_SCHEDULER": "tls://b:2", "KEDRO_SERVER_DASK_MAX_VALUE_BYTES": "2048"}
    replaced = read(environ, project_path=tiny).executor_choice.dask
    assert (replaced.scheduler, replaced.max_value_bytes) == ("tls://b:2", 2048)
    assert replaced.resources_of(("calc", "other")) == {"GPU": 1}


@pytest.mark.parametrize("address", ["", "nonsense", "http//x", "tcp://"])
def test_a_scheduler_has_an_address(tmp_path: Path, address: str) -> None:
    with pytest.raises(ServerSettingsError, match="'KEDRO_SERVER_DASK_SCHEDULER' must not be"):
        read({"KEDRO_SERVER_DASK_SCHEDULER": address}, project_path=tmp_path)


def test_an_executor_whose_extra_is_not_installed(tiny: Path) -> None:
    code = f"{HIDE_DASK}\nfrom kedro_asgi.server import create_http_server; create_http_server({str(tiny)!r})"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        env={**clean_environment(), "KEDRO_SERVER_EXECUTOR": "dask"},
    )
    assert 'Dask is not installed: pip install "kedro-asgi[dask]"' in done.stderr

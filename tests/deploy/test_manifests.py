"""Compose file, manifests, unit and the configuration of Prometheus: valid, and in step with the server."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from dockerfile import REPOSITORY

from kedro_asgi.cli.server_process import LAST_SECONDS
from kedro_asgi.server.configuration import unknown_variables

DEPLOY = REPOSITORY / "deploy"
COMPOSE = DEPLOY / "compose/compose.yaml"
UNIT = DEPLOY / "systemd/kedro-asgi.service"
KUBERNETES = DEPLOY / "kubernetes"


def files() -> Iterator[Path]:
    yield from (path for path in DEPLOY.rglob("*") if path.is_file())
    yield REPOSITORY / "docs/deploying.md"
    yield from (REPOSITORY / "docs/deploying").glob("*.md")


def resource(path: str) -> Any:
    return yaml.safe_load((KUBERNETES / path).read_text())


def worker_pod() -> Any:
    return resource("workers/deployment.yaml")["spec"]["template"]


def test_the_server_knows_each_variable_that_the_files_set() -> None:
    names = {name for path in files() for name in re.findall(r"\bKEDRO_SERVER_[A-Z_]*[A-Z]\b(?!_)", path.read_text())}
    assert len(names) > 5
    assert unknown_variables(dict.fromkeys(names, "")) == []


def test_each_example_waits_for_the_grace_and_the_last_seconds() -> None:
    """What stops the server kills it later than the server ends by itself."""
    service = yaml.safe_load(COMPOSE.read_text())["services"]["kedro-asgi"]
    grace = int(service["environment"]["KEDRO_SERVER_GRACE_SECONDS"])
    assert int(service["stop_grace_period"].removesuffix("s")) > grace + LAST_SECONDS

    spec = resource("postgresql/deployment.yaml")["spec"]["template"]["spec"]
    settings = resource("postgresql/configmap.yaml")["data"]
    delay = int(spec["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][1])
    grace = int(settings["KEDRO_SERVER_GRACE_SECONDS"])
    assert spec["terminationGracePeriodSeconds"] > delay + grace + LAST_SECONDS
    assert worker_pod()["spec"]["terminationGracePeriodSeconds"] > grace + LAST_SECONDS

    grace = int(re.search(r"GRACE_SECONDS=(\d+)", (DEPLOY / "systemd/environment.example").read_text())[1])
    assert int(re.search(r"TimeoutStopSec=(\d+)", UNIT.read_text())[1]) > grace + LAST_SECONDS


def test_a_worker_gets_probes_and_scrapes_where_it_answers_and_no_requests() -> None:
    pod = worker_pod()
    [container] = pod["spec"]["containers"]
    [port] = container["ports"]
    environ = {variable["name"]: variable.get("value") for variable in container["env"]}
    number = str(port["containerPort"])
    assert environ["KEDRO_SERVER_METRICS_PORT"] == pod["metadata"]["annotations"]["prometheus.io/port"] == number
    probes = [container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")]
    assert [(probe["path"], probe["port"]) for probe in probes] == [
        (path, port["name"]) for path in ("/health", "/health", "/ready")
    ]
    for name in ("service", "poddisruptionbudget"):
        selector = resource(f"postgresql/{name}.yaml")["spec"]["selector"]
        assert not selector.get("matchLabels", selector).items() <= pod["metadata"]["labels"].items()


def test_the_example_of_the_environment_sets_what_the_compose_file_asks_for() -> None:
    asked = set(re.findall(r"\$\{(\w+)", COMPOSE.read_text())) | set(
        re.findall(r"environment: ([A-Z]\w+)", COMPOSE.read_text())
    )
    given = set(re.findall(r"^(\w+)=", (DEPLOY / "compose/example.env").read_text(), re.MULTILINE))
    assert asked == given


def test_the_files_that_the_compose_file_mounts_exist() -> None:
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    sources = [mount.split(":")[0] for service in services.values() for mount in service.get("volumes", ())]
    files = [source for source in sources if source.startswith(".")]
    assert files
    assert [source for source in files if not (COMPOSE.parent / source).is_file()] == []


@pytest.mark.slow
def test_the_compose_file_is_valid() -> None:
    compose_spec = pytest.importorskip("compose_spec", reason="make deploy-tools")
    values = {"RUN_AS": "1000:1000", "PROJECT": "/srv/penguins", "PORT": "127.0.0.1:8000"}
    text = re.sub(r"\$\{(\w+)[^}]*\}", lambda found: values.get(found[1], "text"), COMPOSE.read_text())
    compose_spec.PyCompose.from_yaml(text).validate()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("overlay", "deployments"),
    [("postgresql", ["kedro-asgi"]), ("sqlite", ["kedro-asgi"]), ("workers", ["kedro-asgi", "kedro-asgi-worker"])],
)
def test_the_manifests_are_valid(
    tool: Callable[[str], str], tmp_path: Path, overlay: str, deployments: list[str]
) -> None:
    # Not even CI can install it: Debian's is too old for these manifests, and no package of Python brings one.
    kubectl = shutil.which("kubectl") or pytest.skip("kubectl is not installed")
    built = subprocess.run([kubectl, "kustomize", KUBERNETES / overlay], check=True, capture_output=True)
    (tmp_path / "manifests.yaml").write_bytes(built.stdout)
    check = [tool("kubernetes-validate"), "--strict", str(tmp_path / "manifests.yaml")]
    checked = subprocess.run(check, capture_output=True, text=True)
    assert "ERROR" not in checked.stdout + checked.stderr
    found = re.findall(r"resource deployment/([\w-]+)", checked.stdout + checked.stderr)
    assert sorted(set(found)) == deployments
    assert re.findall(rb"image: (.*)", built.stdout) == [b"registry.example.com/penguins:1"] * len(deployments)


@pytest.mark.slow
def test_prometheus_takes_its_configuration(tool: Callable[[str], str], tmp_path: Path) -> None:
    text = (DEPLOY / "compose/prometheus.yml").read_text()
    (tmp_path / "metrics-token").write_text("token")
    shutil.copy(DEPLOY / "prometheus/alerts.yml", tmp_path)
    (tmp_path / "prometheus.yml").write_text(text.replace("/run/secrets", str(tmp_path)))
    subprocess.run([tool("promtool"), "check", "config", tmp_path / "prometheus.yml"], check=True)


@pytest.mark.slow
def test_systemd_takes_the_unit(tool: Callable[[str], str], tmp_path: Path) -> None:
    analyze = tool("systemd-analyze")
    unit = tmp_path / "kedro-asgi.service"
    unit.write_text(UNIT.read_text().replace("/opt/kedro-asgi/bin/kedro-asgi", sys.executable))
    checked = subprocess.run([analyze, "verify", unit], capture_output=True, text=True)
    assert (checked.returncode, checked.stderr) == (0, "")
    subprocess.run([analyze, "security", "--offline=true", "--threshold=20", "--no-pager", unit], check=True)

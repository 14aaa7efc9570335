"""Validators of datasets in real projects: files, settings, hooks, runners and HTTP."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from kedro_asgi.errors import (
    DataValidationError,
    InterpolationResolutionError,
    PreloadError,
    ValidationConfigurationError,
)
from kedro_asgi.runner import ParallelRunner, SequentialRunner, ThreadRunner
from kedro_asgi.server import create_http_server
from kedro_asgi.session import KedroServiceSession

CHECKS = """
class Within:
    def __init__(self, low=0, high=100):
        self.low, self.high = low, high

    def validate(self, data):
        if not self.low <= data <= self.high:
            raise ValueError(f"{data} is not within {self.low} and {self.high}")

def twice(data):
    return 2 * data
"""

REGISTRY = """
from kedro_asgi.pipeline import Pipeline, node

def same(x):
    return x

def count(x):
    yield from range(x)

def register_pipelines():
    return {
        "__default__": Pipeline([
            node(same, "params:a", "checked", name="make"),
            node(same, "checked", "out", name="use"),
        ]),
        "doubled": Pipeline([node(same, "params:a", "a_doubled", name="make"), node(same, "a_doubled", "out")]),
        "counted": Pipeline([node(count, "params:a", "counted", name="count")]),
        "use": Pipeline([node(same, "checked", "out")]),
    }
"""

CATALOG = """
checked:
  type: json.JSONDataset
  filepath: data/checked.json
  validator:
    class: {package}.checks.Within
    on: [load, save]
    options:
      high: ${runtime_params:high, 100}

counted:
  type: MemoryDataset
  validator:
    class: {package}.checks.Within
    on: save
    options: {high: 2}

"{name}_doubled":
  type: MemoryDataset
  validator: {package}.checks.twice
"""


@pytest.fixture
def project(make_project) -> Path:
    return make_project(REGISTRY, catalog=CATALOG, files={"src/{package}/checks.py": CHECKS})


def served(project: Path) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=create_http_server(project), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://server")


@pytest.mark.parametrize("runner", [SequentialRunner, ThreadRunner, lambda: ParallelRunner(max_workers=1)])
def test_data_that_fails_fails_the_run(project: Path, runner: Any) -> None:
    with KedroServiceSession.create(project_path=project) as session:
        assert session.run(runner=runner())["out"].load() == 1
        with pytest.raises(DataValidationError, match="101 is not within 0 and 100"):
            session.run(runner=runner(), runtime_params={"a": 101})
        assert session.run(runner=runner(), runtime_params={"a": 101, "high": 101})["out"].load() == 101


def test_a_pattern_validates_what_it_makes(project: Path) -> None:
    with KedroServiceSession.create(project_path=project) as session:
        assert session.run(pipeline_names=["doubled"], runtime_params={"a": 3})["out"].load() == 12


def test_chunks_of_a_generator_are_validated_one_by_one(project: Path) -> None:
    with KedroServiceSession.create(project_path=project) as session:
        assert session.run(pipeline_names=["counted"], runtime_params={"a": 3})["counted"].load() == 2
        with pytest.raises(DataValidationError, match="3 is not within 0 and 2"):
            session.run(pipeline_names=["counted"], runtime_params={"a": 5})


def test_concurrent_runs_have_validators_of_their_own(project: Path, short_turns: None) -> None:
    catalog = CATALOG.replace("json.JSONDataset\n  filepath: data/checked.json", "MemoryDataset")
    path = project / "conf" / "base" / "catalog.yml"
    path.write_text(catalog.replace("{package}", next((project / "src").iterdir()).name))

    with KedroServiceSession.create(project_path=project) as session, ThreadPoolExecutor(8) as pool:

        def run(number: int) -> Any:
            try:
                return session.run(runtime_params={"a": number, "high": 31})["out"].load()
            except DataValidationError:
                return "refused"

        assert list(pool.map(run, range(64))) == [number if number <= 31 else "refused" for number in range(64)]


def test_the_setting_switches_validation_off(make_project, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"src/{package}/checks.py": CHECKS}
    project = make_project(REGISTRY, catalog=CATALOG, files=files, settings="DATASET_VALIDATION = False")
    with KedroServiceSession.create(project_path=project) as session:
        assert session.run(runtime_params={"a": 101})["out"].load() == 101
        assert session.load_context().catalog.validation_enabled is False
        monkeypatch.setenv("KEDRO_DATASET_VALIDATION", "on")
        with pytest.raises(DataValidationError):
            session.run(runtime_params={"a": 101})


def test_a_wrong_declaration_fails_every_run(make_project) -> None:
    project = make_project(catalog="other:\n  type: MemoryDataset\n  validator: [a.b]\n")
    with KedroServiceSession.create(project_path=project) as session:
        with pytest.raises(ValidationConfigurationError, match="dataset 'other': the list form is reserved"):
            session.run()


def test_hooks_see_data_before_and_after_validation_as_in_kedro(make_project) -> None:
    settings = """
    from kedro_asgi.hooks import hook_impl

    class Hooks:
        seen = []

        @hook_impl
        def before_dataset_saved(self, dataset_name, data):
            self.seen.append(("before save", dataset_name, data))

        @hook_impl
        def after_dataset_loaded(self, dataset_name, data):
            self.seen.append(("after load", dataset_name, data))

    HOOKS = (Hooks(),)
    """
    project = make_project(REGISTRY, catalog=CATALOG, files={"src/{package}/checks.py": CHECKS}, settings=settings)
    with KedroServiceSession.create(project_path=project) as session:
        session.run(pipeline_names=["doubled"])
        seen = session.engine.planner.project.settings.hooks[0].seen
    assert ("before save", "a_doubled", 1) in seen
    assert ("after load", "a_doubled", 4) in seen


def test_a_caller_never_chooses_a_validator(make_project) -> None:
    catalog = "checked:\n  type: MemoryDataset\n  validator: ${runtime_params:v, {package}.checks.twice}\n"
    project = make_project(REGISTRY, catalog=catalog, files={"src/{package}/checks.py": CHECKS})
    with KedroServiceSession.create(project_path=project, serving_mode=True) as session:
        assert session.run()["out"].load() == 4
        with pytest.raises(InterpolationResolutionError, match="'validator' field .* is not permitted"):
            session.run(runtime_params={"v": "os.system"})


@pytest.mark.parametrize(
    "validator", ["${runtime_params:v, {package}.checks.twice}", "{class: '${runtime_params:v, x}'}"]
)
def test_a_caller_never_chooses_a_validator_by_a_loader_of_the_project(make_project, validator: str) -> None:
    project = make_project(
        REGISTRY,
        catalog=f"checked:\n  type: MemoryDataset\n  validator: {validator}\n",
        files={"src/{package}/checks.py": CHECKS},
        settings="""
        from kedro_asgi.config import ConfigLoader

        class Loader(ConfigLoader):
            pass

        CONFIG_LOADER_CLASS = Loader
        """,
    )
    with KedroServiceSession.create(project_path=project, serving_mode=True) as session:
        with pytest.raises(Exception, match="which is not permitted"):
            session.run(runtime_params={"v": "os.system"})


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_over_http(project: Path) -> None:
    async with served(project) as client:
        request = {"pipeline_names": ["use"], "outputs": ["out"]}
        fine = await client.post("/run", json={**request, "inputs": {"checked": 7}})
        wrong = await client.post("/run", json={**request, "inputs": {"checked": -7}})
    assert fine.json()["outputs"] == {"out": 7}
    assert wrong.json()["status"] == "failure"
    error = wrong.json()["error"]
    assert error["type"] == "DataValidationError"
    assert error["message"].startswith("Validation failed for dataset 'checked' on load\n(validator: made_")
    assert error["message"].endswith("-7 is not within 0 and 100")


def test_what_is_preloaded_is_validated_when_it_is_loaded(project: Path) -> None:
    file = project / "data" / "checked.json"
    file.parent.mkdir()
    file.write_text("50")
    session = KedroServiceSession.create(project_path=project, preload=["checked"])
    file.write_text("101")
    assert session.run(pipeline_names=["use"])["out"].load() == 50
    with pytest.raises(PreloadError, match="(?s)Cannot preload 'checked': .*101 is not within 0 and 100"):
        session.reload()
    assert session.run(pipeline_names=["use"])["out"].load() == 50
    with pytest.raises(DataValidationError, match="101 is not within 0 and 60"):
        session.run(pipeline_names=["use"], runtime_params={"high": 60})

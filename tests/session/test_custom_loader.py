"""A project's own ``CONFIG_LOADER_CLASS`` reads anew for every run, and callers cannot select types through it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kedro_asgi.errors import CallerValueError
from kedro_asgi.inspection import inspect_project
from kedro_asgi.session import KedroServiceSession, KedroSession

LOADER = """
from pathlib import Path
from kedro_asgi.config import AbstractConfigLoader, MissingConfigException

class Loader(AbstractConfigLoader):
    def __init__(self, conf_source, env=None, runtime_params=None, greeting="hello"):
        super().__init__(conf_source, env, runtime_params)
        self.greeting = greeting

    def __getitem__(self, key):
        if key in self.data:
            return self.data[key]
        runtime = dict(self.runtime_params)
        match key:
            case "parameters":
                return {"a": 1, "b": 2, "greeting": self.greeting, "env": self.env, **runtime}
            case "catalog":
                return {"d": {"type": runtime.get("kind", "json.JSONDataset"), "filepath": self.filepath(runtime)}}
            case _:
                raise MissingConfigException(f"no {key}")

    def filepath(self, runtime):
        return "data/" + runtime.get("name", "d") + ".json"
"""
SETTINGS = """
from .loader import Loader
CONFIG_LOADER_CLASS = Loader
CONFIG_LOADER_ARGS = {"greeting": "ahoy"}
"""


@pytest.fixture
def project(make_project: Callable[..., Path]) -> Path:
    return make_project(settings=SETTINGS, files={"src/{package}/loader.py": LOADER})


def test_what_is_preloaded_is_shared_wherever_the_loader_leads_to_it(make_project: Callable[..., Path]) -> None:
    registry = """
    from kedro_asgi.pipeline import Pipeline, node
    def same(d):
        return id(d)
    def register_pipelines():
        return {"__default__": Pipeline([node(same, "d", "out")])}
    """
    files = {"src/{package}/loader.py": LOADER, "data/d.json": "[1]", "data/e.json": "[2]"}
    project = make_project(registry, settings=SETTINGS, files=files)
    session = KedroServiceSession.create(project_path=project, serving_mode=True, preload=["d"])
    shared = id(session.engine.artifacts["d"].value)
    assert {session.run()["out"].load() for _ in range(3)} == {shared}
    assert session.run(runtime_params={"name": "e"})["out"].load() != shared


def serving(project: Path) -> KedroServiceSession:
    return KedroServiceSession.create(project_path=project, serving_mode=True)


def test_the_loader_gets_env_arguments_and_runtime_parameters(project: Path) -> None:
    with KedroSession.create(project_path=project, env="anything", runtime_params={"a": 5}) as session:
        params = session.load_context().params
        assert params == {"a": 5, "b": 2, "greeting": "ahoy", "env": "anything"}
        assert session.run()["d"].load() == 14
    assert (project / "data/d.json").read_text() == "14"


@pytest.mark.parametrize("read", ["return {'parameters': {'a': 1, 'b': 2}}[key]", "return super().__getitem__(key)"])
def test_a_loader_that_has_parameters_only_is_enough(make_project: Callable[..., Path], read: str) -> None:
    loader = f"""
    from kedro_asgi.config import AbstractConfigLoader
    class Loader(AbstractConfigLoader):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self["parameters"] = {{"a": 1, "b": 2}}
        def __getitem__(self, key):
            {read}
    """
    project = make_project(settings=SETTINGS, files={"src/{package}/loader.py": loader})
    assert KedroServiceSession.create(project_path=project).run()["d"].load() == 6


def test_a_key_error_within_a_loader_is_an_error(make_project: Callable[..., Path]) -> None:
    loader = LOADER.replace('runtime.get("name", "d")', '{}["typo"]')
    project = make_project(settings=SETTINGS, files={"src/{package}/loader.py": loader})
    with pytest.raises(KeyError, match="typo"):
        KedroServiceSession.create(project_path=project).run()


def test_every_run_asks_again(project: Path) -> None:
    session = KedroServiceSession.create(project_path=project)
    results = [session.run(runtime_params={"a": a})["d"].load() for a in (1, 2)]
    assert results == [6, 8]


def test_a_hook_may_replace_a_value_of_the_loader(make_project: Callable[..., Path]) -> None:
    hook = """
    from kedro_asgi.hooks import hook_impl
    class Replace:
        @hook_impl
        def after_context_created(self, context):
            context.config_loader["parameters"] = {"a": 20, "b": 1}
            context.config_loader["catalog"] = {}
    """
    settings = f"{SETTINGS}\nfrom .hooks import Replace\nHOOKS = (Replace(),)\n"
    files = {"src/{package}/loader.py": LOADER, "src/{package}/hooks.py": hook}
    project = make_project(settings=settings, files=files)
    assert KedroServiceSession.create(project_path=project).run()["d"].load() == 42
    assert not (project / "data").exists()


def test_concurrent_runs_each_have_their_own_loader(project: Path, short_turns: None) -> None:
    session = serving(project)

    def run(number: int) -> tuple[int, str]:
        session.run(runtime_params={"a": number, "name": f"n{number}"})
        return number, (project / f"data/n{number}.json").read_text()

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(run, range(64))) == [(number, str(2 * (number + 2))) for number in range(64)]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"kind": "pickle.PickleDataset"}, "part in the 'type'"),
        ({"name": "../../out"}, "leads upwards"),
        ({"note": "${globals:secret}"}, "holds an interpolation"),
    ],
)
def test_a_caller_decides_neither_types_nor_where_paths_lead(project: Path, params: dict, message: str) -> None:
    with pytest.raises(CallerValueError, match=message):
        serving(project).run(runtime_params=params)
    assert not (project / "data").exists()


def test_parameters_whose_effect_is_unknown_are_refused(make_project: Callable[..., Path]) -> None:
    loader = LOADER.replace('runtime.get("name", "d")', 'str(int(runtime.get("name", "1")))')
    project = make_project(settings=SETTINGS, files={"src/{package}/loader.py": loader})
    with pytest.raises(CallerValueError, match="cannot be told .* ValueError"):
        serving(project).run(runtime_params={"name": "7"})


def test_a_snapshot_shows_the_values_of_the_loader(project: Path) -> None:
    snapshot = inspect_project(serving(project).engine.planner, {"name": "x", "z": 1})
    assert snapshot.datasets["d"].filepath == "data/x.json"
    assert snapshot.parameters == ("a", "b", "env", "greeting", "name", "z")


def test_a_context_made_by_hand_reads_its_loader(tmp_path: Path) -> None:
    from kedro_asgi.hooks import create_hook_manager
    from kedro_asgi.session import KedroContext

    context = KedroContext(
        package_name="made",
        project_path=tmp_path,
        config_loader={"parameters": {"a": 1}, "catalog": {"x": {"type": "MemoryDataset"}}, "credentials": {}},
        env="local",
        hook_manager=create_hook_manager(),
    )
    assert (context.params, sorted(context.catalog)) == ({"a": 1}, ["parameters", "params:a", "x"])


def test_a_contexts_own_params_are_what_nodes_see(make_project: Callable[..., Path]) -> None:
    context = """
    from kedro_asgi.session import KedroContext
    class Context(KedroContext):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.extra = 40
        @property
        def params(self):
            return {**super().params, "a": self.extra}
    """
    project = make_project(
        settings="from .context import Context\nCONTEXT_CLASS = Context\n", files={"src/{package}/context.py": context}
    )
    assert KedroServiceSession.create(project_path=project).run()["d"].load() == 84

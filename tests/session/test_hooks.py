"""Hooks of a project, in Kedro's order (HOOK-4..7)."""

import importlib
from pathlib import Path
from typing import Any

import pytest

from kedro_asgi.session import KedroServiceSession, KedroSession

HOOKS = """
from kedro_asgi.hooks import hook_impl

class Recorder:
    def __init__(self):
        self.calls = []
        self.run_params = None

    @hook_impl
    def after_context_created(self, context):
        self.calls.append("after_context_created")

    @hook_impl
    def after_catalog_created(self, catalog, conf_catalog, conf_creds, parameters, save_version, load_versions):
        self.calls.append("after_catalog_created")
        self.parameters = parameters

    @hook_impl
    def before_pipeline_run(self, run_params, pipeline, catalog):
        self.calls.append("before_pipeline_run")
        self.run_params = run_params

    @hook_impl
    def after_pipeline_run(self, run_params, run_result, pipeline, catalog):
        self.calls.append("after_pipeline_run")

    @hook_impl
    def on_pipeline_error(self, error, run_params, pipeline, catalog):
        self.calls.append("on_pipeline_error")

    @hook_impl
    def before_node_run(self, node):
        self.calls.append(f"before_node_run({node.name})")

    @hook_impl
    def after_dataset_saved(self, dataset_name):
        self.calls.append(f"after_dataset_saved({dataset_name})")

RECORDER = Recorder()
"""
SETTINGS = "from .hooks import RECORDER\nHOOKS = (RECORDER,)\n"
NOTING = """
from kedro_asgi.hooks import hook_impl

class Noting:
    @hook_impl
    def after_catalog_created(self, load_versions):
        self.load_versions = load_versions

    @hook_impl
    def before_pipeline_run(self, run_params):
        self.run_params = run_params

HOOKS = (Noting(),)
"""


@pytest.fixture
def hooked(make_project) -> Path:
    return make_project(settings=SETTINGS, files={"src/{package}/hooks.py": HOOKS})


def recorder(project: Path) -> Any:
    package = next((project / "src").iterdir()).name
    return importlib.import_module(f"{package}.hooks").RECORDER


@pytest.mark.parametrize("session_type", [KedroSession, KedroServiceSession])
def test_the_life_of_a_run(hooked: Path, session_type: Any) -> None:
    with session_type.create(project_path=hooked) as session:
        session.run()
    assert recorder(hooked).calls == [
        "after_context_created",
        "after_catalog_created",
        "before_pipeline_run",
        "before_node_run(add)",
        "after_dataset_saved(s)",
        "before_node_run(double)",
        "after_dataset_saved(d)",
        "after_pipeline_run",
    ]
    assert recorder(hooked).parameters == {"parameters": {"a": 1, "b": 2}, "params:a": 1, "params:b": 2}


def test_unmet_inputs_end_in_the_pipelines_error(hooked: Path) -> None:
    with KedroSession.create(project_path=hooked) as session, pytest.raises(ValueError, match="not found in the"):
        session.run(from_nodes=["double"])
    assert recorder(hooked).calls == [
        "after_context_created",
        "after_catalog_created",
        "before_pipeline_run",
        "on_pipeline_error",
    ]


def test_an_unknown_pipeline_is_no_pipelines_error(hooked: Path) -> None:
    with KedroSession.create(project_path=hooked) as session, pytest.raises(ValueError, match="Failed to find"):
        session.run(pipeline_names=["nope"])
    assert recorder(hooked).calls == ["after_context_created"]


def test_a_hook_may_look_at_parameters_of_a_run_that_selects_nothing(make_project) -> None:
    hooks = """
    from kedro_asgi.hooks import hook_impl
    class Looking:
        seen = []
        @hook_impl
        def after_context_created(self, context):
            self.seen.append(context.params)
    """
    project = make_project(
        settings="from .hooks import Looking\nHOOKS = (Looking(),)\n", files={"src/{package}/hooks.py": hooks}
    )
    session = KedroServiceSession.create(project_path=project)
    for wrong in ({"pipeline_names": ["nope"]}, {"tags": ["nope"]}, {"node_names": ["nope"]}):
        with pytest.raises(ValueError, match="Failed to find|contains no nodes|does not contain"):
            session.run(**wrong)
    seen = importlib.import_module(f"{next((project / 'src').iterdir()).name}.hooks").Looking.seen
    assert seen == [{"a": 1, "b": 2}] * 3


def test_run_params_hold_the_arguments_of_the_run(hooked: Path) -> None:
    with KedroServiceSession.create(session_id="SID", project_path=hooked, env="local") as session:
        session.run(run_id="RID", node_names=["add"], runtime_params={"a": 2})
    told = recorder(hooked).run_params
    expected = {
        "session_id": "SID",
        "run_id": "RID",
        "project_path": str(hooked),
        "env": "local",
        "effective_env": "local",
        "kedro_version": "1.7.0",
        "node_names": ["add"],
        "tags": None,
        "load_versions": None,
        "runtime_params": {"a": 2},
        "pipeline_names": ["__default__"],
        "only_missing_outputs": False,
    }
    assert {key: told[key] for key in expected} == expected


def test_what_was_not_asked_for_is_none(make_project) -> None:
    project = make_project(settings=NOTING)
    KedroServiceSession.create(project_path=project).run()
    noting = importlib.import_module(f"{next((project / 'src').iterdir()).name}.settings").HOOKS[0]
    assert noting.load_versions is None
    assert noting.run_params["runtime_params"] is None
    assert noting.run_params["load_versions"] is None


def test_hooks_may_change_what_one_run_sees(make_project) -> None:
    hooks = """
    from kedro_asgi.hooks import hook_impl
    class Change:
        @hook_impl
        def after_context_created(self, context):
            context.config_loader["parameters"] = {**context.params, "a": 10}
        @hook_impl
        def before_pipeline_run(self, catalog):
            catalog["params:b"] = 500
    """
    project = make_project(
        settings="from .hooks import Change\nHOOKS = (Change(),)\n", files={"src/{package}/hooks.py": hooks}
    )
    session = KedroServiceSession.create(project_path=project)
    assert session.run()["d"].load() == 1020
    assert session.run(runtime_params={"a": 7})["d"].load() == 1020


def test_a_hook_may_change_the_environment_of_its_loader(make_project) -> None:
    hooks = """
    from kedro_asgi.hooks import hook_impl
    class Change:
        @hook_impl
        def after_context_created(self, context):
            context.config_loader.env = "prod"
    """
    project = make_project(
        settings="from .hooks import Change\nHOOKS = (Change(),)\n",
        files={"src/{package}/hooks.py": hooks, "conf/prod/parameters.yml": "a: 100"},
    )
    session = KedroServiceSession.create(project_path=project)
    assert session.run()["d"].load() == session.run(runtime_params={"a": 100})["d"].load() == 204


@pytest.mark.parametrize(
    ("hooks", "error", "message"),
    [
        ("HOOKS = 5\n", TypeError, "'int' object is not iterable"),
        ("class H: pass\nHOOKS = (H,)\n", TypeError, "registered as instances"),
        (
            "from kedro_asgi.hooks import hook_impl\n"
            "class H:\n    @hook_impl\n    def before_node_run(self, nope): pass\n"
            "HOOKS = (H(),)\n",
            Exception,
            "can not be found in the hookspec",
        ),
    ],
)
def test_wrong_hooks_are_found_when_a_session_is_created(make_project, hooks, error, message) -> None:
    with pytest.raises(error, match=message):
        KedroSession.create(project_path=make_project(settings=hooks))


@pytest.mark.parametrize(("hook", "results"), [("before_pipeline_run", [300, 6]), ("after_pipeline_run", [6, 6])])
def test_what_a_hook_does_to_a_node_ends_with_the_run(make_project, hook: str, results: list[int]) -> None:
    """The pipelines are shared by all runs, so each run shows hooks nodes of its own (Q-33)."""
    hooks = f"""
    from kedro_asgi.hooks import hook_impl
    class Once:
        done = False
        @hook_impl
        def {hook}(self, pipeline):
            if not self.done:
                self.done = True
                for node in pipeline.nodes:
                    if node.name == "double":
                        node.func = lambda x: 100 * x
    """
    project = make_project(
        settings="from .hooks import Once\nHOOKS = (Once(),)\n", files={"src/{package}/hooks.py": hooks}
    )
    session = KedroServiceSession.create(project_path=project)
    assert [session.run()["d"].load() for _ in range(2)] == results


def test_each_hook_gets_the_arguments_that_it_asks_for(make_project) -> None:
    hooks = """
    from kedro_asgi.hooks import hook_impl
    SEEN = {}
    class Entries:
        @hook_impl
        def after_catalog_created(self, conf_catalog):
            SEEN["entries"] = sorted(conf_catalog)
    class Parameters:
        @hook_impl
        def after_catalog_created(self, parameters):
            SEEN["parameters"] = parameters["params:a"]
    """
    project = make_project(
        catalog="d: {type: MemoryDataset}\n",
        settings="from .hooks import Entries, Parameters\nHOOKS = (Entries(), Parameters())\n",
        files={"src/{package}/hooks.py": hooks},
    )
    KedroServiceSession.create(project_path=project).run()
    package = next(path.name for path in (project / "src").iterdir())
    assert importlib.import_module(f"{package}.hooks").SEEN == {"entries": ["d"], "parameters": 1}

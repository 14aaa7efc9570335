"""Projects written for Kedro run unmodified."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kedro_asgi.errors import BridgeError
from kedro_asgi.inspection import inspect_project
from kedro_asgi.pipeline import Node, Pipeline
from kedro_asgi.session import KedroServiceSession, KedroSession

MakeProject = Callable[..., Path]


def test_kedros_pipelines_and_nodes_become_ours(kedro_project: MakeProject) -> None:
    session = KedroServiceSession.create(project_path=kedro_project(), serving_mode=True)
    pipelines = session.engine.planner.project.pipelines.load()
    assert sorted(pipelines) == ["__default__", "calc", "twice"]
    assert all(type(found) is Pipeline for found in pipelines.values())
    again = pipelines["twice"].nodes[0]
    assert (isinstance(again, Node), again.name, again.inputs, again.tags) == (
        True,
        "again.add",
        ["params:a", "params:b"],
        {"sum"},
    )


def test_a_project_written_for_kedro_runs(kedro_project: MakeProject) -> None:
    result = KedroServiceSession.create(project_path=kedro_project()).run(runtime_params={"a": 5})
    assert {name: dataset.load() for name, dataset in result.items()} == {"d": 14, "again.d": 14}


def test_a_node_without_a_name_gets_the_name_that_kedro_gives(kedro_project: MakeProject) -> None:
    import kedro.pipeline

    files = {
        "src/{package}/pipelines/calc/__init__.py": "from kedro.pipeline import node, Pipeline\n"
        "def f(x):\n    return x\n"
        "def create_pipeline():\n    return Pipeline([node(f, 'params:a', 'o')], namespace='n')\n",
        "src/{package}/pipelines/twice/__init__.py": "from ..calc import create_pipeline as _c\n"
        "from kedro.pipeline import Pipeline\ndef create_pipeline():\n    return Pipeline([])\n",
    }
    project = kedro_project(files=files)
    session = KedroServiceSession.create(project_path=project)
    (node,) = session.engine.planner.project.pipelines.load()["calc"].nodes
    theirs = kedro.pipeline.node(node.func, node.inputs, node.outputs, namespace="n")
    assert node.name == theirs.name


def test_only_kedro_warns_about_a_node_of_kedro(kedro_project: MakeProject, command) -> None:
    dotted = """
    from kedro.pipeline import Pipeline, node
    def create_pipeline():
        return Pipeline([node(abs, "params:a", "b.c")])
    """
    project = kedro_project(files={"src/{package}/pipelines/calc/__init__.py": dotted})
    said = command("run", project, "--pipelines", "calc").stderr
    assert "dataset names contain '.'" in said
    assert "though dot notation is reserved" not in said


def test_a_run_by_name_works_beside_a_broken_pipeline(kedro_project: MakeProject) -> None:
    project = kedro_project(files={"src/{package}/pipelines/broken/__init__.py": "raise RuntimeError('broken')"})
    with KedroSession.create(project_path=project) as session:
        assert session.run(pipeline_names=["calc"])["d"].load() == 6
    with pytest.raises(ImportError, match="broken"):
        KedroServiceSession.create(project_path=project, serving_mode=True)


def test_the_error_for_an_unknown_pipeline_suggests_close_matches(kedro_project: MakeProject) -> None:
    with (
        KedroSession.create(project_path=kedro_project()) as session,
        pytest.raises(ValueError, match=r"calcc(.|\n)*calc"),
    ):
        session.run(pipeline_names=["calcc"])


def test_two_projects_live_in_one_process(kedro_project: MakeProject) -> None:
    sessions = [
        KedroServiceSession.create(
            project_path=kedro_project(files={"conf/base/parameters.yml": f"a: {a}\nb: 2\n"}, name=f"project{a}")
        )
        for a in (1, 10)
    ]
    assert [session.run(pipeline_names=["calc"])["d"].load() for session in sessions] == [6, 24]


def test_loading_a_project_does_not_change_the_hosts_logging(kedro_project: MakeProject) -> None:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    KedroServiceSession.create(project_path=kedro_project()).run()
    assert (root.handlers, root.level) == (before, level)


def test_log_lines_of_a_node_reach_the_servers_log_and_the_runs_events(kedro_project: MakeProject, start) -> None:
    import httpx

    says = """
    import logging
    from kedro.pipeline import Node, Pipeline
    def say():
        logging.getLogger(__name__).info("the node says %s", 1)
        return 1
    def create_pipeline():
        return Pipeline([Node(say, None, "said", name="say")])
    """
    server = start("kedro_asgi", "serve", kedro_project(files={"src/{package}/pipelines/say/__init__.py": says}))
    body = {"pipeline_names": ["say"]}
    run = httpx.post(f"{server.url}/runs?wait=30", json=body, timeout=40).json()
    events = httpx.get(f"{server.url}/runs/{run['run_id']}/events", timeout=60).text
    assert "the node says 1" in events
    server.log_with("the node says 1")


def test_hooks_written_for_kedro_find_kedros_attributes(kedro_project: MakeProject) -> None:
    hooks = """
    import copy, pickle
    from kedro.config import MissingConfigException, OmegaConfigLoader
    from kedro.framework.hooks import hook_impl
    from kedro.io import DatasetError, MemoryDataset
    SEEN = {}
    class Hooks:
        @hook_impl
        def after_context_created(self, context):
            assert isinstance(context.config_loader, OmegaConfigLoader)
            copied = pickle.loads(pickle.dumps(context.config_loader))
            assert isinstance(copied, OmegaConfigLoader)
            assert copied["parameters"] == copy.deepcopy(context.config_loader)["parameters"]
            context.config_loader.config_patterns["spark"] = ["spark*"]
            SEEN["spark"] = context.config_loader["spark"]
            try:
                context.config_loader["credentials"]
            except MissingConfigException:
                SEEN["credentials"] = "none"
            SEEN["project"] = (context.project_path.name, context.env, context.params["a"])
        @hook_impl
        def after_catalog_created(self, catalog):
            catalog["extra"] = MemoryDataset(7)
            SEEN["extra"] = catalog.load("extra")
            try:
                catalog.load("nope")
            except DatasetError as error:
                SEEN["nope"] = str(error)
        @hook_impl
        def before_node_run(self, node, inputs):
            SEEN.setdefault("nodes", []).append((node.name, node.short_name, sorted(node.tags)))
    """
    import importlib

    project = kedro_project(
        settings="from .hooks import Hooks\nHOOKS = (Hooks(),)\n",
        files={"src/{package}/hooks.py": hooks, "conf/base/spark.yml": "master: local\n"},
    )
    KedroServiceSession.create(project_path=project).run(pipeline_names=["calc"])
    package = next(path.name for path in (project / "src").iterdir())
    assert importlib.import_module(f"{package}.hooks").SEEN == {
        "spark": {"master": "local"},
        "credentials": "none",
        "project": ("project", None, 1),
        "extra": 7,
        "nope": "Dataset 'nope' not found in the catalog",
        "nodes": [("add", "add", ["sum"]), ("double", "double", [])],
    }


@pytest.mark.parametrize("settings", ["", "from .hooks import Catalog\nDATA_CATALOG_CLASS = Catalog\n"])
def test_objects_in_hooks_are_instances_of_kedros_classes(kedro_project: MakeProject, settings: str) -> None:
    hooks = """
    from kedro.framework.hooks import hook_impl
    import pickle
    from kedro.framework.context import KedroContext
    from kedro.io import AbstractDataset, CachedDataset, DataCatalog, MemoryDataset
    from kedro.pipeline import Node, Pipeline
    SEEN = {}
    class Catalog(DataCatalog):
        pass
    class Hooks:
        @hook_impl
        def after_context_created(self, context):
            SEEN["context"] = isinstance(context, KedroContext)
        @hook_impl
        def before_node_run(self, node):
            SEEN["node"] = isinstance(node, Node) and pickle.loads(pickle.dumps(node)) == node
            if node.name == "double":
                same = Node(node.func, ["s"], "d", name="double")
                SEEN["double"] = node == same, same == node, len({same, node})
        @hook_impl
        def before_pipeline_run(self, run_params, pipeline, catalog):
            SEEN["runner"] = run_params["runner"]
            more = Pipeline([Node(len, "more", "length", name="more")])
            parts = [pipeline, pipeline.tag("x"), pipeline.only_nodes("add"), pipeline + more, more + pipeline]
            parts += [pipeline + pipeline, pickle.loads(pickle.dumps(pipeline))]
            SEEN["pipelines"] = [isinstance(found, Pipeline) for found in parts]
            SEEN["catalog"] = isinstance(catalog, DataCatalog), isinstance(catalog, Catalog)
            SEEN["in memory"] = {name for name, found in catalog.items() if isinstance(found, MemoryDataset)}
            SEEN["cached"] = {name for name, found in catalog.items() if isinstance(found, CachedDataset)}
            SEEN["all"] = all(isinstance(found, AbstractDataset) for found in catalog.values())
        @hook_impl
        def after_pipeline_run(self, run_result):
            SEEN["result"] = {name: isinstance(found, MemoryDataset) for name, found in run_result.items()}
    """
    import importlib

    project = kedro_project(
        settings=f"{settings}from .hooks import Hooks\nHOOKS = (Hooks(),)\n",
        files={"src/{package}/hooks.py": hooks},
        catalog="s:\n  type: CachedDataset\n  dataset: {type: json.JSONDataset, filepath: s.json}\n",
    )
    KedroServiceSession.create(project_path=project).run(pipeline_names=["calc"])
    package = next(path.name for path in (project / "src").iterdir())
    seen = importlib.import_module(f"{package}.hooks").SEEN
    assert seen == {
        "context": True,
        "node": True,
        "double": (True, True, 1),
        "pipelines": [True] * 7,
        "runner": "<kedro.runner.sequential_runner.SequentialRunner object>",
        "catalog": (True, bool(settings)),
        "in memory": {"parameters", "params:a", "params:b"},
        "cached": {"s"},
        "all": True,
        "result": {"d": True},
    }


def test_an_unmet_input_names_the_catalog_class_of_the_project(kedro_project: MakeProject) -> None:
    catalog = "from kedro.io import DataCatalog\nclass Own(DataCatalog):\n    pass\n"
    project = kedro_project("from .own import Own\nDATA_CATALOG_CLASS = Own\n", files={"src/{package}/own.py": catalog})
    with pytest.raises(ValueError, match=r"Pipeline input\(s\) \{'s'\} not found in the Own"):
        KedroServiceSession.create(project_path=project).run(pipeline_names=["calc"], from_nodes=["double"])


def test_datasets_derived_from_kedros_save_and_load(kedro_project: MakeProject) -> None:
    datasets = """
    from pathlib import PurePosixPath
    from kedro.io import AbstractDataset, AbstractVersionedDataset, Version
    class Lines(AbstractVersionedDataset):
        def __init__(self, filepath, version=None):
            super().__init__(PurePosixPath(filepath), version)
        def load(self):
            with open(self._get_load_path()) as file:
                return int(file.read())
        def save(self, data):
            import os
            path = str(self._get_save_path())
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w") as file:
                file.write(str(data))
        def _describe(self):
            return {"filepath": str(self._filepath)}
    """
    project = kedro_project(
        catalog="s:\n  type: {package}.datasets.Lines\n  filepath: data/s.txt\n  versioned: true\n",
        files={"src/{package}/datasets.py": datasets},
    )
    package = next(path.name for path in (project / "src").iterdir())
    (project / "conf/base/catalog.yml").write_text(
        f"s:\n  type: {package}.datasets.Lines\n  filepath: data/s.txt\n  versioned: true\n"
    )
    session = KedroServiceSession.create(project_path=project)
    session.run(run_id="2020-01-01T00.00.00.000Z", pipeline_names=["calc"])
    assert (project / "data/s.txt/2020-01-01T00.00.00.000Z/s.txt").read_text() == "3"
    with pytest.raises(Exception, match="Did not find any versions|s: Failed while loading"):
        session.run(pipeline_names=["calc"], from_nodes=["double"], load_versions={"s": "2000-01-01T00.00.00.000Z"})


def test_a_node_class_with_its_own_run_is_refused(kedro_project: MakeProject) -> None:
    own = """
    from kedro.pipeline import Node, Pipeline
    class Own(Node):
        def run(self, inputs=None):
            return {}
    def create_pipeline():
        return Pipeline([Own(abs, "params:a", "o", name="odd")])
    """
    project = kedro_project(files={"src/{package}/pipelines/own/__init__.py": own})
    with pytest.raises(BridgeError, match=r"Node 'odd' is of class '.*Own', whose own 'run' is not supported"):
        KedroServiceSession.create(project_path=project, serving_mode=True)


def test_concurrent_runs_do_not_mix(kedro_project: MakeProject) -> None:
    session = KedroServiceSession.create(
        project_path=kedro_project(
            catalog="d:\n  type: json.JSONDataset\n  filepath: data/${runtime_params:who}.json\n"
        ),
        serving_mode=True,
    )

    def run(number: int) -> int:
        session.run(pipeline_names=["calc"], runtime_params={"a": number, "who": f"n{number}"})
        return number

    with ThreadPoolExecutor(8) as threads:
        for number in threads.map(run, range(64)):
            path = session.engine.planner.project_path / f"data/n{number}.json"
            assert path.read_text() == str(2 * (number + 2))


def test_a_snapshot_shows_the_functions_of_the_project(kedro_project: MakeProject) -> None:
    session = KedroServiceSession.create(project_path=kedro_project())
    snapshot = inspect_project(session.engine.planner)
    source = next(found for found in snapshot.pipelines if found.name == "calc").nodes[0].source
    assert source is not None
    assert source.filepath.endswith("pipelines/calc/__init__.py")

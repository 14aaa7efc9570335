"""Classes that a project derived from Kedro's, and names in its ``settings.py``."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from kedro_asgi.errors import CallerValueError, InputTableError, PreloadError
from kedro_asgi.runner.lookup import find_runner
from kedro_asgi.session import AsyncSession, KedroServiceSession, KedroSession

MakeProject = Callable[..., Path]
CALC = {"pipeline_names": ["calc"]}


def session(project: Path, **options: Any) -> KedroServiceSession:
    return KedroServiceSession.create(project_path=project, **options)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:register_new_resolver:UserWarning")
def test_a_project_may_use_its_own_loader_class(kedro_project: MakeProject, short_turns: None) -> None:
    loader = """
    from kedro.config import OmegaConfigLoader
    class Loader(OmegaConfigLoader):
        def __getitem__(self, key):
            found = super().__getitem__(key)
            return {**found, "b": 20} if key == "parameters" else found
    """
    project = kedro_project(
        "from .loader import Loader\nCONFIG_LOADER_CLASS = Loader\n",
        files={"src/{package}/loader.py": loader},
        catalog="d:\n  type: json.JSONDataset\n  filepath: data/${runtime_params:who,me}.json\n",
    )
    served = session(project, serving_mode=True)

    def run(number: int) -> str:
        served.run(runtime_params={"a": number, "who": f"n{number}"}, **CALC)
        return (project / f"data/n{number}.json").read_text()

    # Kedro's loader works with resolvers of the whole process: runs must not find each other's.
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(run, range(150))) == [str(2 * (number + 20)) for number in range(150)]
    with pytest.raises(CallerValueError, match="leads upwards"):
        served.run(runtime_params={"who": "../../x"}, **CALC)


def test_a_project_may_use_its_own_context_class(kedro_project: MakeProject) -> None:
    context = """
    from kedro.framework.context import KedroContext
    class Context(KedroContext):
        @property
        def params(self):
            return {**super().params, "a": 30}
        def _get_catalog(self, *args, **kwargs):
            catalog = super()._get_catalog(*args, **kwargs)
            catalog["params:b"] = 3
            return catalog
    """
    project = kedro_project(
        "from .context import Context\nCONTEXT_CLASS = Context\n",
        files={"src/{package}/context.py": context},
        catalog="d:\n  type: json.JSONDataset\n  filepath: data/d.json\n  versioned: true\n",
    )
    served = session(project)
    assert type(served.load_context()).__name__ == "Context"
    assert served.run(run_id="2020-01-01T00.00.00.000Z", **CALC)["d"].load() == 66
    assert (project / "data/d.json/2020-01-01T00.00.00.000Z/d.json").read_text() == "66"


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.anyio
async def test_a_project_may_use_its_own_catalog_class(kedro_project: MakeProject) -> None:
    catalog = """
    from kedro.io import DataCatalog
    LOADED = []
    class Catalog(DataCatalog):
        def load(self, name, version=None):
            LOADED.append(name)
            return super().load(name, version)
    """
    project = kedro_project(
        "from .catalog import Catalog\nDATA_CATALOG_CLASS = Catalog\n", files={"src/{package}/catalog.py": catalog}
    )
    async with AsyncSession.create(project) as running:
        result = await running.run(["calc"], runtime_params={"a": 4}, outputs=["d", "s"])
        injected = await running.run(["calc"], from_nodes=["double"], inputs={"s": 50})
    assert (result.outputs, injected.outputs) == ({"d": 12, "s": 6}, {"d": 100})


def test_a_project_may_use_its_own_runner_class_and_kedros_runners(kedro_project: MakeProject) -> None:
    from kedro.runner import SequentialRunner, ThreadRunner

    runner = """
    from kedro.runner import SequentialRunner
    class Runner(SequentialRunner):
        def _run(self, pipeline, *args, **kwargs):
            print("nodes:", len(pipeline.nodes))
            return super()._run(pipeline, *args, **kwargs)
    """
    project = kedro_project(files={"src/{package}/runner.py": runner})
    served = session(project)
    package = next(path.name for path in (project / "src").iterdir())
    make_runner = find_runner(f"{package}.runner.Runner", package_name=package)
    for given in (make_runner(), SequentialRunner(), ThreadRunner(max_workers=2)):
        assert served.run(runner=given, **CALC)["d"].load() == 6


def test_a_project_may_derive_its_session_store_from_kedros(kedro_project: MakeProject) -> None:
    store = """
    from kedro.framework.session.store import BaseSessionStore
    SAVED = []
    class Store(BaseSessionStore):
        def save(self):
            SAVED.append(dict(self.data))
    """
    project = kedro_project(
        "from .store import Store\nSESSION_STORE_CLASS = Store\n", files={"src/{package}/store.py": store}
    )
    with KedroSession.create(project_path=project, env="local") as one:
        assert one.run(pipeline_names=["calc"])["d"].load() == 6
        assert one.store["env"] == "local"


CATALOG_OF_ITS_OWN = {
    "src/{package}/catalog.py": """
    from kedro.io import DataCatalog
    class Catalog(DataCatalog):
        pass
    """,
    "src/{package}/pipelines/calc/__init__.py": """
    from kedro.pipeline import Pipeline, node
    def kind(rows):
        return type(rows).__name__
    def create_pipeline():
        return Pipeline([node(kind, "rows", "kind")])
    """,
    "src/{package}/pipelines/twice/__init__.py": """
    from kedro.pipeline import Pipeline
    def create_pipeline():
        return Pipeline([])
    """,
}
SETTING_OF_IT = "from .catalog import Catalog\nDATA_CATALOG_CLASS = Catalog\n"


@pytest.mark.parametrize("settings", ["", SETTING_OF_IT])
def test_a_plain_input_becomes_a_frame_in_any_catalog(kedro_project: MakeProject, settings: str) -> None:
    catalog = "rows:\n  type: pandas.CSVDataset\n  filepath: rows.csv\n"
    served = session(kedro_project(settings, files=CATALOG_OF_ITS_OWN, catalog=catalog), serving_mode=True)
    assert served.run(**CALC, inputs={"rows": [{"n": 1}]})["kind"].load() == "DataFrame"
    with pytest.raises(InputTableError, match="Input 'rows' cannot become a table of pandas"):
        served.run(**CALC, inputs={"rows": [1]})


def test_a_catalog_derived_from_kedros_cannot_preload(kedro_project: MakeProject) -> None:
    catalog = "rows:\n  type: pandas.CSVDataset\n  filepath: rows.csv\n"
    project = kedro_project(SETTING_OF_IT, files=CATALOG_OF_ITS_OWN, catalog=catalog)
    with pytest.raises(PreloadError, match="Cannot preload 'rows': a DATA_CATALOG_CLASS or CONTEXT_CLASS of Kedro's"):
        session(project, serving_mode=True, preload=["rows"])

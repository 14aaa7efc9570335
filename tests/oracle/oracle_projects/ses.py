"""SES: sessions, their one run or many, records, contexts, run_params."""

from typing import Any

from both_engines.cases import Case, Deviation, Project, Run, Script, project_files

_REGISTRY = """
from kedro.pipeline import Pipeline, node

def add(x, y):
    return x + y

def boom(x):
    raise ValueError(f"no {x}")

def register_pipelines():
    calc = Pipeline(
        [node(add, ["params:a", "params:b"], "s", name="add"), node(lambda s: 2 * s, "s", "d", name="double")]
    )
    return {
        "__default__": calc,
        "calc": calc,
        "fail": Pipeline([node(boom, "params:a", "z", name="boom")]),
        "nothing": Pipeline([]),
    }
"""
_RECORDING = """
from kedro.framework.hooks import hook_impl

SEEN = []

class Seen:
    @hook_impl
    def before_pipeline_run(self, run_params): SEEN.append(run_params)
"""
_KEPT = """
KEPT = []

def kept(base):
    class Store(base):
        def save(self): KEPT.append(dict(self))
    return Store
"""


def _session(rule: str, name: str, body: str, **facts: Any) -> Case:
    facts = {"compare": ("value", "error", "files"), **facts}
    return Case(rule=rule, name=name, call=Script(body=body), **facts)


_ONE_RUN = (
    _session(
        "SES-19",
        "a second run",
        """
        session = project.single()
        session.run()
        session.run(pipeline_names=['nope'])
        """,
        says=(
            "A run has already been completed as part of the active KedroSession.",
            " KedroSession has a 1-1 mapping with runs",
        ),
    ),
    _session(
        "SES-19",
        "a failed run does not count",
        """
        session = project.single()
        return [
            project.raised(session.run, pipeline_names=["fail"]),
            project.raised(session.run, pipeline_names=["nope"]),
            project.run(session),
            project.raised(session.run)["error"],
        ]
        """,
    ),
    _session(
        "SES-25",
        "any number of runs, also after close",
        """
        session = project.service()
        first = project.run(session, runtime_params={'a': 5})
        session.close()
        return [first, project.run(session), project.raised(session.run, pipeline_names=['fail']), project.run(session)]
        """,
    ),
    _session(
        "SES-26",
        "earlier results stay",
        """
        session = project.service()
        first = session.run(runtime_params={'a': 5})
        second = session.run()
        return [first['d'].load(), second['d'].load()]
        """,
    ),
    _session(
        "SES-18",
        "the former name of the argument",
        "return project.run(project.single(), pipeline_name='calc')",
    ),
    *(
        _session(
            "SES-9",
            f"a runner that is {what}",
            f"""
            from kedro.runner import SequentialRunner
            project.{kind}().run(runner={what})
            """,
        )
        for kind, what in (("single", "SequentialRunner"), ("service", "'SequentialRunner'"))
    ),
    _session(
        "SES-9",
        "a wrong runner is found after the filters",
        "project.service().run(runner='x', tags=['zz'])",
        says=("Pipeline contains no nodes after applying all provided filters",),
    ),
    _session("SES-8", "an unknown pipeline", "project.service().run(pipeline_names=['zzz'])"),
    _session(
        "SES-8", "an unknown pipeline that is close to a known one", "project.service().run(pipeline_names=['calcc'])"
    ),
    _session("SES-7", "pipelines in conflict", "project.service().run(pipeline_names=['calc', 'nothing', 'nope'])"),
    _session("SES-11", "what a run returns", "return {k: type(v).__name__ for k, v in project.single().run().items()}"),
    _session("SES-30", "a run id of any form", "return project.run(project.service(), run_id='any thing')"),
)

_RECORDS = (
    _session(
        "SES-13",
        "a record",
        """
        session = project.single(env="local", runtime_params={"a": 5})
        store = session.store
        return [
            sorted(store),
            store["session_id"] == session.session_id,
            store["project_path"],
            store["env"],
            store["runtime_params"],
            type(store["username"]).__name__,
        ]
        """,
    ),
    _session("SES-13", "a record of nothing in particular", "return sorted(project.single().store)"),
    _session(
        "SES-13",
        "a record in a repository",
        """
        import subprocess

        run = lambda *a: subprocess.run(
            ["git", "-c", "user.name=a", "-c", "user.email=a@b", *a],
            cwd=project.path,
            check=True,
            capture_output=True,
        )
        run("init"), run("add", "conf"), run("commit", "-m", "x")
        first = project.single().store["git"]
        run("add", "."), run("commit", "-m", "y")
        second = project.single().store["git"]
        return [
            sorted(first),
            first["dirty"],
            len(first["commit_sha"]),
            first["commit_sha"] != second["commit_sha"],
        ]
        """,
        compare=("value", "error"),
    ),
    _session(
        "SES-14",
        "a copy of the record",
        """
        session = project.single()
        session.store['x'] = 1
        return 'x' in session.store
        """,
    ),
    _session(
        "SES-12",
        "the id is the time",
        """
        import re
        return bool(re.match(r'\\d{4}-\\d\\d-\\d\\dT\\d\\d\\.\\d\\d\\.\\d\\d\\.\\d{3}Z', project.single().session_id))
        """,
    ),
    _session(
        "SES-17",
        "an exception in the record",
        """
        try:
            with project.single() as session:
                session.run(pipeline_names=["fail"])
        except ValueError:
            told = session.store["exception"]
            return [
                told["type"],
                told["value"],
                type(told["traceback"]).__name__,
                all(type(line) is str for line in told["traceback"]),
            ]
        """,
    ),
    _session(
        "SES-17",
        "the type of an exception with its module",
        """
        from kedro.io import DatasetError
        try:
            with project.single() as session:
                raise DatasetError('x')
        except DatasetError:
            return session.store['exception']['type'].rpartition('.')[2]
        """,
    ),
    *(
        _session(
            "SES-17",
            f"when the record is saved ({arguments or 'default'})",
            f"""
            import importlib
            with project.single({arguments}) as session:
                session.run()
            session.close()
            kept = importlib.import_module('{{package}}.kept').KEPT
            return [len(kept), [sorted(k) for k in kept]]
            """,
            files={
                "src/{package}/settings.py": """
                from kedro.framework.session.store import BaseSessionStore
                from {package}.kept import kept
                SESSION_STORE_CLASS = kept(BaseSessionStore)
                """
            },
        )
        for arguments in ("", "save_on_close=False")
    ),
    _session(
        "SES-15",
        "arguments of a store",
        "return [project.single().store['colour'], str(project.single().store['where'])]",
        files={
            "src/{package}/settings.py": """
            from kedro.framework.session.store import BaseSessionStore
            class Store(BaseSessionStore):
                def __init__(self, path, session_id, colour):
                    super().__init__(path, session_id)
                    self['colour'], self['where'] = colour, path
            SESSION_STORE_CLASS = Store
            SESSION_STORE_ARGS = {'colour': 'green'}
            """
        },
    ),
    _session(
        "SES-15",
        "a store that reads",
        """
        store = project.single().store
        return [store['old'], store['session_id'] != 'old']
        """,
        files={
            "src/{package}/settings.py": """
            from kedro.framework.session.store import BaseSessionStore
            class Store(BaseSessionStore):
                def read(self): return {'old': 1, 'session_id': 'old'}
            SESSION_STORE_CLASS = Store
            """
        },
    ),
    _session(
        "SES-16",
        "wrong arguments of a store",
        "project.single()",
        files={"src/{package}/settings.py": "SESSION_STORE_ARGS = {'nope': 1}"},
        says=("Store config must only contain arguments valid for the constructor of",),
    ),
    _session(
        "SES-16",
        "a store that fails",
        "project.single()",
        files={
            "src/{package}/settings.py": """
            from kedro.framework.session.store import BaseSessionStore
            class Store(BaseSessionStore):
                def read(self): raise OSError('no disk')
            SESSION_STORE_CLASS = Store
            """
        },
        says=("Failed to instantiate session store of type",),
    ),
)

_SHOW_PARAMS = """
import importlib
session = project.{kind}({create})
session.run({arguments})
seen = importlib.import_module("{{package}}.recorded").SEEN[0]
assert seen["run_id"]
return {{key: value for key, value in seen.items() if key not in ("run_id", "session_id", "runner")}}
"""
_EXTRA = {"effective_env": "local"}
_NONE = dict.fromkeys(
    ("tags", "from_nodes", "to_nodes", "node_names", "from_inputs", "to_outputs", "load_versions", "namespaces")
)
_SINGLE = {
    **_NONE,
    "project_path": "<D>",
    "env": None,
    "kedro_version": "1.7.0",
    "runtime_params": None,
    "pipeline_names": None,
    "only_missing_outputs": False,
}


def _params(name: str, kind: str, create: str, arguments: str, ours: dict[str, Any], why: str = "Q-34") -> Case:
    body = _SHOW_PARAMS.format(kind=kind, create=create, arguments=arguments)
    return _session("SES-22 SES-32", name, body, deviation=Deviation(why=why, ours={"value": {**ours, **_EXTRA}}))


_PARAMS = (
    _params("run_params of a single run", "single", "", "", _SINGLE),
    _params(
        "run_params of a single run with all there is",
        "single",
        "env='local', runtime_params={'a': 2}",
        "node_names=['add'], tags=[], pipeline_names=['calc'], to_outputs=['s']",
        {
            **_SINGLE,
            "env": "local",
            "runtime_params": {"a": 2},
            "node_names": ["add"],
            "pipeline_names": ["calc"],
            "to_outputs": ["s"],
        },
    ),
    _params(
        "run_params of a service run",
        "service",
        "session_id='SID'",
        "run_id='RID'",
        {**_SINGLE, "pipeline_names": ["__default__"]},
    ),
    _params(
        "run_params of a service run with all there is",
        "service",
        "env='local'",
        "node_names=['add'], runtime_params={'a': 2}, from_nodes=['add'], only_missing_outputs=False, load_versions={}",
        {
            **_SINGLE,
            "env": "local",
            "runtime_params": {"a": 2},
            "node_names": ["add"],
            "from_nodes": ["add"],
            "pipeline_names": ["__default__"],
        },
    ),
    _session(
        "SES-22",
        "the runner in run_params",
        """
        import importlib
        project.single().run()
        project.service().run()
        seen = importlib.import_module('{package}.recorded').SEEN
        return [s['runner'].partition(' object')[0].lstrip('<').rpartition('.')[2] for s in seen]
        """,
        deviation=Deviation(why="Q-34", ours={"value": ["SequentialRunner", "SequentialRunner"]}),
    ),
    _session(
        "SES-20 SES-32",
        "ids in run_params",
        """
        import importlib

        single = project.single()
        single.run()
        service = project.service(session_id="SID")
        service.run(run_id="RID")
        one, two = importlib.import_module("{package}.recorded").SEEN
        return [
            one["run_id"] == single.session_id,
            "session_id" in one,
            two["run_id"],
            two["session_id"],
            service.session_id,
        ]
        """,
    ),
)

_CONTEXTS = (
    _session(
        "SES-35",
        "attributes of a context",
        """
        context = project.service(env="local").load_context()
        return [
            context.project_path,
            context.env,
            type(context.catalog).__name__,
            context.params,
            context.catalog is context.catalog,
            sorted(context.config_loader.keys()),
            context.config_loader["parameters"],
        ]
        """,
    ),
    _session(
        "SES-35",
        "what is read only",
        """
        context = project.service().load_context()
        return [project.raised(setattr, context, name, 1)['error'] for name in ('params', 'catalog')]
        """,
    ),
    _session(
        "SES-21 SES-29",
        "contexts are new",
        """
        single, service = project.single(runtime_params={"a": 9}), project.service()
        return [
            single.load_context() is single.load_context(),
            single.load_context().params,
            service.load_context(runtime_params={"a": 8}).params,
            service.load_context().params,
        ]
        """,
    ),
    _session(
        "SES-36",
        "a project without a catalog file",
        "return project.run(project.service())",
        files={"conf/base/catalog.yml": None},
        deviation=Deviation(why="Q-43", ours={"value": {"d": 6}, "error": None}),
    ),
    _session(
        "PRJ-16",
        "classes of a project",
        """
        session = project.service()
        context = session.load_context()
        return [type(context).__name__, context.shout(), project.run(session)]
        """,
        files={
            "src/{package}/settings.py": """
            from kedro.framework.context import KedroContext
            from kedro.io import DataCatalog
            class Context(KedroContext):
                def shout(self): return 'A=' + str(self.params['a'])
            class Catalog(DataCatalog):
                pass
            CONTEXT_CLASS, DATA_CATALOG_CLASS = Context, Catalog
            """
        },
    ),
    _session(
        "CAT-65",
        "a class of a project for its catalogs",
        """
        from kedro.io import DataCatalog
        catalog = project.service().load_context().catalog
        return [isinstance(catalog, DataCatalog), hasattr(catalog, "mine")]
        """,
        files={
            "src/{package}/settings.py": """
            from kedro.io import DataCatalog
            class Catalog(DataCatalog):
                def mine(self): pass
            DATA_CATALOG_CLASS = Catalog
            """
        },
        deviation=Deviation(why="CAT-65", ours={"value": [True, True]}),
    ),
    _session(
        "PRJ-16",
        "a loader of a project",
        "return project.run(project.service(), runtime_params={'a': 1000})",
        files={
            "src/{package}/settings.py": """
            from kedro.config import OmegaConfigLoader
            class Loader(OmegaConfigLoader):
                def __getitem__(self, key):
                    found = super().__getitem__(key)
                    return {**found, 'b': 50} if key == 'parameters' else found
            CONFIG_LOADER_CLASS = Loader
            """
        },
    ),
    _session(
        "SES-2",
        "a folder inside a project is not the project",
        """
        from kedro.framework.session import KedroSession
        project.bootstrap()
        project.write('in/file', '')
        return KedroSession.create(project_path=project.path / 'in').store['project_path']
        """,
    ),
    _session(
        "SES-2",
        "the project around the working folder",
        """
        import os
        from kedro.framework.session import KedroSession
        project.bootstrap()
        project.write('in/file', '')
        os.chdir(project.path / 'in')
        return project.run(KedroSession.create())
        """,
    ),
    _session(
        "SES-2",
        "another source of configuration",
        """
        project.write("other/base/parameters.yml", "a: 7\\nb: 8")
        project.write("other/base/catalog.yml", "")
        project.write("other/local/k", "")
        return [
            project.run(project.service(conf_source=str(project.path / "other"))),
            project.run(project.single(conf_source=project.path / "other")),
        ]
        """,
    ),
    _session(
        "SES-1",
        "sessions as context managers",
        """
        with project.service() as session:
            pass
        return [session.run()['d'].load(), hasattr(type(session), '__enter__')]
        """,
    ),
    _session(
        "SES-23 SES-31 SES-33",
        "what sessions tell",
        """
        with project.service(session_id='SID', serving_mode=True) as session:
            session.run(run_id='RID')
        project.single().run()
        """,
        logs=("Session ID.*", "Run ID.*", "Serving mode.*", "Closing session.*"),
    ),
    _session(
        "SES-24",
        "ids of service sessions",
        """
        import uuid
        return [uuid.UUID(project.service().session_id).version, project.service(session_id='mine').session_id]
        """,
    ),
)

SESSIONS = Project(
    name="ses",
    files=project_files(
        _REGISTRY,
        {
            "conf/base/parameters.yml": "a: 1\nb: 2",
            "src/{package}/recorded.py": _RECORDING,
            "src/{package}/kept.py": _KEPT,
            "src/{package}/settings.py": "from {package}.recorded import Seen\nHOOKS = (Seen(),)",
        },
    ),
    cases=(
        *_ONE_RUN,
        *_RECORDS,
        *_PARAMS,
        *_CONTEXTS,
        Case(rule="SES-25", name="a service run", call=Run()),
        Case(rule="SES-25", name="a service run that fails", call=Run(arguments={"pipeline_names": ["fail"]})),
        Case(
            rule="SES-27",
            name="a serving run",
            call=Run(create={"serving_mode": True}, arguments={"runtime_params": {"b": 9}}),
        ),
        Case(
            rule="CFG-35",
            name="texts of a caller when serving",
            call=Run(create={"serving_mode": True}, arguments={"runtime_params": {"a": "${b}", "b": "x"}}),
            deviation=Deviation(why="Q-14", ours={"value": {"d": "${b}x${b}x"}}),
        ),
        Case(
            rule="CFG-35",
            name="texts of a caller when not serving",
            call=Run(arguments={"runtime_params": {"a": "${b}", "b": "x"}}),
        ),
        Case(rule="RUN-30", name="parameters of the wrong type", call=Run(arguments={"runtime_params": {"a": "text"}})),
    ),
    varied={"a": (1, 2, 3), "b": (5, 6, 7, 8)},
)

PROJECTS = (SESSIONS,)

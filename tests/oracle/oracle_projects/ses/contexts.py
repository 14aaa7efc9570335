"""Contexts, and where sessions find their project (SES-1 to SES-6, SES-35 to SES-37)."""

from both_engines.cases import Deviation

from oracle_projects.ses.cases import session

CONTEXTS = (
    session(
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
    session(
        "SES-35",
        "what is read only",
        """
        context = project.service().load_context()
        return [project.raised(setattr, context, name, 1)['error'] for name in ('params', 'catalog')]
        """,
    ),
    session(
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
    session(
        "SES-36",
        "a project without a catalog file",
        "return project.run(project.service())",
        files={"conf/base/catalog.yml": None},
        deviation=Deviation(why="Q-43", ours={"value": {"d": 6}, "error": None}),
    ),
    session(
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
    session(
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
    session(
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
    session(
        "SES-2",
        "a folder inside a project is not the project",
        """
        from kedro.framework.session import KedroSession
        project.bootstrap()
        project.write('in/file', '')
        return KedroSession.create(project_path=project.path / 'in').store['project_path']
        """,
    ),
    session(
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
    session(
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
    session(
        "SES-1",
        "sessions as context managers",
        """
        with project.service() as session:
            pass
        return [session.run()['d'].load(), hasattr(type(session), '__enter__')]
        """,
    ),
    session(
        "SES-23 SES-31 SES-33",
        "what sessions tell",
        """
        with project.service(session_id='SID', serving_mode=True) as session:
            session.run(run_id='RID')
        project.single().run()
        """,
        logs=("Session ID.*", "Run ID.*", "Serving mode.*", "Closing session.*"),
    ),
    session(
        "SES-24",
        "ids of service sessions",
        """
        import uuid
        return [uuid.UUID(project.service().session_id).version, project.service(session_id='mine').session_id]
        """,
    ),
)

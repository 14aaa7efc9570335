"""``settings.py`` (PRJ-13 to PRJ-22)."""

from both_engines.cases import Case, Deviation, Files, Run, Script

from oracle_projects.prj.cases import BOOTSTRAP, OPEN


def _settings(text: str, more: Files | None = None, **facts: object) -> Case:
    files = {"src/{package}/settings.py": text, **(more or {})}
    return Case(**{"rule": "PRJ-22", "call": OPEN, "files": files, "compare": ("error",), **facts})  # type: ignore[arg-type]


SETTINGS = (
    _settings("HOOKS = 5", name="hooks that are a number", says=("'int' object is not iterable",)),
    _settings("class H: pass\nHOOKS = (H())", name="hooks without their comma", says=("'H' object is not iterable",)),
    _settings("class H: pass\nHOOKS = (H,)", name="a hook that is a class", says=("registered as instances",)),
    _settings(
        "CONFIG_LOADER_ARGS = {'nope': 1}",
        name="an unknown argument of the loader",
        call=Run(),
        says=("unexpected keyword argument 'nope'",),
    ),
    _settings(
        "CONFIG_LOADER_ARGS = {'base_env': 'base', 'default_run_env': 'local', "
        "'restrict_runtime_params_type_selection': True}",
        name="a project that lets nobody choose a dataset's type",
        rule="CFG-56",
        call=Run(arguments={"runtime_params": {"dt": "json.JSONDataset"}}),
        says=("resolves a 'type' field via the 'runtime_params:' resolver", "which is not permitted"),
        more={"conf/base/catalog.yml": "d: {type: '${runtime_params:dt,MemoryDataset}'}"},
    ),
    _settings(
        "class X: pass\nCONTEXT_CLASS = X",
        rule="PRJ-18",
        name="a context of no kind",
        says=("Invalid value '{package}.settings.X' received for setting 'CONTEXT_CLASS'. It must be a subclass of",),
    ),
    _settings(
        "class X: pass\nSESSION_STORE_CLASS = X",
        rule="PRJ-18",
        name="a store of no kind",
        says=("received for setting 'SESSION_STORE_CLASS'. It must be a subclass of",),
    ),
    _settings(
        "class X: pass\nDATA_CATALOG_CLASS = X",
        rule="PRJ-18",
        name="a catalog of no kind",
        says=("DATA_CATALOG_CLASS",),
    ),
    _settings("CONTEXT_CLASS = 5", rule="PRJ-18", name="a context that is no class", says=("class",)),
    _settings("1 +", rule="PRJ-19", name="settings that are no Python", call=BOOTSTRAP, says=("invalid syntax",)),
    _settings("1 / 0", rule="PRJ-19", name="settings that fail", call=BOOTSTRAP),
    _settings(
        "import nope_zz",
        rule="PRJ-19",
        name="settings that import what is not there",
        says=("No module named 'nope_zz'",),
    ),
    _settings(
        "import nope_zz",
        rule="PRJ-19",
        name="a failed import in settings is told at bootstrap",
        call=BOOTSTRAP,
        deviation=Deviation(why="Q-5", ours={"error": "ModuleNotFoundError", "message": "nope_zz"}),
    ),
    Case(
        rule="PRJ-15",
        name="no settings at all",
        call=Run(),
        files={"src/{package}/settings.py": None},
        logs=("No 'settings.py' found",),
    ),
    Case(
        rule="PRJ-17",
        name="arguments of the loader replace the default whole",
        call=Run(),
        files={
            "src/{package}/settings.py": "CONFIG_LOADER_ARGS = {'base_env': 'base'}",
            "conf/base/parameters.yml": "a: 1",
            "conf/parameters_more.yml": "b: 5",
            "conf/local/.gitkeep": None,
        },
    ),
    Case(
        rule="PRJ-16",
        name="another folder of configuration",
        call=Run(),
        files={
            "src/{package}/settings.py": "CONF_SOURCE = 'settings/here'",
            "settings/here/base/parameters.yml": "a: 3\nb: 4",
            "settings/here/base/catalog.yml": "",
            "settings/here/local/.gitkeep": "",
        },
    ),
    Case(
        rule="PRJ-21",
        name="environment variables are no settings",
        call=Run(),
        environ={"DYNACONF_CONF_SOURCE": "zz"},
        deviation=Deviation(why="Q-6", ours={"value": {"d": 6}, "error": None}),
    ),
    Case(
        rule="PRJ-21", name="variables of Kedro's name are no settings", call=Run(), environ={"KEDRO_CONF_SOURCE": "zz"}
    ),
    Case(
        rule="PRJ-20",
        name="no project at all",
        call=Script(
            body="""
            from kedro.framework.session import KedroServiceSession
            KedroServiceSession.create(project_path=project.path)
            """
        ),
        files={"pyproject.toml": None},
        compare=("error",),
        says=("Package name not found. Make sure you have configured the project using 'bootstrap_project'.",),
    ),
    Case(
        rule="PRJ-13",
        name="a missing package is found out later",
        call=Script(
            body="""
            from kedro.framework.project import configure_project, validate_settings
            configure_project("nope_zz")
            validate_settings()
            """
        ),
        compare=("error",),
        says=("No module named 'nope_zz'",),
    ),
    Case(
        rule="PRJ-11 PRJ-14",
        name="a package configured by name runs from its folder",
        call=Script(
            body="""
            import sys
            from kedro.framework.project import configure_project
            from kedro.framework.session import KedroServiceSession
            sys.path.insert(0, str(project.path / "src"))
            configure_project("{package}")
            with KedroServiceSession.create() as session:
                return project.run(session)
            """
        ),
        files={"pyproject.toml": None},
    ),
)

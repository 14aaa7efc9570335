"""PRJ: discovery, metadata, settings, registry, find_pipelines."""

from both_engines.cases import Case, Deviation, Project, Run, Script, project_files, pyproject

REGISTRY = """
from kedro.pipeline import Pipeline, node

def add(x, y):
    return x + y

def double(x):
    return 2 * x

def register_pipelines():
    calc = Pipeline([
        node(add, ["params:a", "params:b"], "s", name="add"),
        node(double, "s", "d", name="double"),
    ])
    return {"__default__": calc, "calc": calc, "half": Pipeline([calc.nodes[0]])}
"""
TINY = {"conf/base/parameters.yml": "a: 1\nb: 2\n"}
BOOTSTRAP = Script(body="project.bootstrap()")
OPEN = Script(body="project.service()")
SAME = ("value", "error")


METADATA = (
    Case(
        rule="PRJ-7",
        name="no file",
        call=BOOTSTRAP,
        files={"pyproject.toml": None},
        says=("Could not find the project configuration file 'pyproject.toml' in <D>",),
    ),
    Case(
        rule="PRJ-7",
        name="no toml",
        call=BOOTSTRAP,
        files={"pyproject.toml": "[tool.kedro\n"},
        says=("Failed to parse 'pyproject.toml' file.",),
    ),
    Case(
        rule="PRJ-7",
        name="no section",
        call=BOOTSTRAP,
        files={"pyproject.toml": "[tool.other]\n"},
        says=("There's no '[tool.kedro]' section",),
    ),
    Case(
        rule="PRJ-7",
        name="missing keys come in the declared order",
        call=BOOTSTRAP,
        files={"pyproject.toml": '[tool.kedro]\npackage_name = "x"\n'},
        says=("Missing required keys ['project_name', 'kedro_init_version']",),
    ),
    Case(
        rule="PRJ-7",
        name="another major version",
        call=BOOTSTRAP,
        files={"pyproject.toml": pyproject(kedro_init_version='"0.19.9"')},
        says=("Your Kedro project version 0.19.9 does not match Kedro package version 1.7.0",),
    ),
    Case(
        rule="PRJ-7",
        name="an unknown key",
        call=BOOTSTRAP,
        files={"pyproject.toml": pyproject(colour='"red"')},
        says=("Found unexpected keys in 'pyproject.toml'", "package_name", "example_pipeline"),
    ),
    Case(
        rule="PRJ-8",
        name="the legacy key is unknown",
        call=BOOTSTRAP,
        files={"pyproject.toml": pyproject(project_version='"1.0"')},
        says=("Found unexpected keys in 'pyproject.toml'",),
    ),
    *(
        Case(
            rule="PRJ-8",
            name=f"version {version}",
            call=OPEN,
            files={"pyproject.toml": pyproject(kedro_init_version=version)},
            compare=("error",),
        )
        for version in ('"1"', '"1.0.0"', '"1.x-y"')
    ),
    Case(
        rule="PRJ-8",
        name="a version that is a number",
        call=BOOTSTRAP,
        files={"pyproject.toml": pyproject(kedro_init_version="1")},
        deviation=Deviation(why="Q-3", ours={"error": "RuntimeError", "message": "'kedro_init_version'"}),
    ),
    *(
        Case(
            rule="PRJ-9",
            name=f"source folder {folder}",
            call=Script(body="return project.bootstrap().source_dir"),
            files={
                "pyproject.toml": pyproject(source_dir=folder),
                f"{path}/{{package}}/__init__.py": "",
                f"{path}/{{package}}/settings.py": "",
            },
        )
        for folder, path in (('"."', "."), ('""', "."), ('"lib/code"', "lib/code"), ('"./src/../src"', "src"))
    ),
    *(
        Case(
            rule="PRJ-9",
            name=f"a source folder outside: {folder}",
            call=BOOTSTRAP,
            files={"pyproject.toml": pyproject(source_dir=f'"{folder}"')},
            says=("Source path", "has to be relative to your project root"),
        )
        for folder in ("../..", "/usr")
    ),
    Case(
        rule="PRJ-9",
        name="an absent source folder",
        call=BOOTSTRAP,
        files={"pyproject.toml": pyproject(source_dir='"nothing"')},
        says=("Source path '<D>/nothing' cannot be found.",),
    ),
    Case(
        rule="PRJ-6",
        name="the record",
        call=Script(
            body="""
            found = project.bootstrap()
            names = ("config_file", "package_name", "project_name", "project_path", "source_dir",
                     "kedro_init_version", "tools", "example_pipeline")
            return {name: getattr(found, name) for name in names}
            """
        ),
        files={"pyproject.toml": pyproject(tools="\"['None']\"", example_pipeline='"False"')},
    ),
    Case(
        rule="PRJ-10",
        name="bootstrap makes the package importable here and in children, once",
        call=Script(
            body="""
            import os, sys
            project.bootstrap(), project.bootstrap()
            source = str(project.path / "src")
            return [sys.path[0], sys.path.count(source), os.environ["PYTHONPATH"].split(os.pathsep).count(source)]
            """
        ),
    ),
)

_DISCOVERY = """
from pathlib import Path
from kedro.utils import is_kedro_project
texts = {
    "plain": "[tool.kedro]",
    "other": "[tool.other]",
    "sub": "[tool.kedro.x]",
    "dotted": "tool.kedro.package_name = 'x'",
    "spaced": "[ tool.kedro ]",
    "comment": "# [tool.kedro]",
    "broken": "[tool.kedro]\\n=",
}
for name, text in texts.items():
    project.write(f"{name}/pyproject.toml", text)
(project.path / "folder" / "pyproject.toml").mkdir(parents=True)
names = [*texts, "folder", "absent"]
return {name: is_kedro_project(project.path / name) for name in names if name in WANTED}
"""

DISCOVERY = (
    Case(
        rule="PRJ-1",
        name="what is a project",
        call=Script(body=_DISCOVERY.replace("WANTED", "{'plain', 'other', 'broken', 'folder', 'absent'}")),
        compare=SAME,
    ),
    Case(
        rule="PRJ-1",
        name="what the text looks like but toml does not mean",
        call=Script(body=_DISCOVERY.replace("WANTED", "{'sub', 'dotted', 'spaced', 'comment'}")),
        compare=SAME,
        deviation=Deviation(why="Q-1", ours={"value": {"sub": True, "dotted": True, "spaced": True, "comment": False}}),
    ),
    Case(
        rule="PRJ-3",
        name="the innermost project around a folder",
        call=Script(
            body="""
            from kedro.utils import find_kedro_project, is_kedro_project
            project.write("in/ner/pyproject.toml", "[tool.kedro]")
            project.write("in/ner/deep/er/file", "")
            return [
                find_kedro_project(project.path / "in/ner/deep/er"),
                find_kedro_project(project.path / "in"),
                find_kedro_project(project.path.parents[2]),
                is_kedro_project(str(project.path)),
            ]
            """
        ),
        compare=SAME,
    ),
    Case(
        rule="PRJ-4",
        name="a relative start",
        call=Script(
            body="""
            import os
            from pathlib import Path
            from kedro.utils import find_kedro_project
            project.write("in/ner/file", "")
            os.chdir(project.path / "in/ner")
            return find_kedro_project(Path("."))
            """
        ),
        compare=SAME,
        deviation=Deviation(why="Q-2", ours={"value": {"path": "<D>"}}),
    ),
)


def _settings(text: str, **facts: object) -> Case:
    files = {"src/{package}/settings.py": text}
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
        rule="PRJ-14",
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

REGISTRIES = (
    *(
        Case(
            rule="PRJ-25",
            name=f"a registry {what}",
            call=Run(),
            files={"src/{package}/pipeline_registry.py": text},
            says=says,
            compare=("error",),
        )
        for what, text, says in (
            ("that is not there", None, ("No module named '{package}.pipeline_registry'",)),
            ("without its function", "x = 1", ("has no attribute 'register_pipelines'",)),
            ("that fails", "def register_pipelines():\n    raise LookupError('no luck')", ("no luck",)),
            ("that imports what is not there", "import nope_zz", ("No module named 'nope_zz'",)),
        )
    ),
    Case(
        rule="PRJ-25",
        name="a registry that returns no mapping",
        call=Run(),
        files={"src/{package}/pipeline_registry.py": "def register_pipelines():\n    return 5"},
        compare=("error",),
        says=("int",),
    ),
    Case(
        rule="PRJ-23",
        name="the registry is asked once for several runs",
        call=Script(
            body="""
            import importlib
            session = project.service(serving_mode=True)
            session.run(), session.run()
            return importlib.import_module("{package}.pipeline_registry").CALLS
            """
        ),
        files={
            "src/{package}/pipeline_registry.py": REGISTRY.replace(
                "def register_pipelines():", "CALLS = []\n\ndef register_pipelines():\n    CALLS.append(1)"
            )
        },
    ),
    Case(rule="PRJ-24", name="one of several pipelines", call=Run(arguments={"pipeline_names": ["half"]})),
)

PROJECT = Project(
    name="prj",
    files=project_files(REGISTRY, TINY),
    cases=(*METADATA, *DISCOVERY, *SETTINGS, *REGISTRIES),
    varied={"a": (1, 2, 3), "b": (10, 20)},
)

TEMPLATE_REGISTRY = """
from kedro.framework.project import find_pipelines

def register_pipelines():
    pipelines = find_pipelines(raise_errors=True)
    pipelines["__default__"] = sum(pipelines.values())
    return pipelines
"""
GOOD = """
from kedro.pipeline import Pipeline, node

def create_pipeline():
    return Pipeline([node(lambda x: x + NUMBER, "params:a", "NAME", name="make_NAME")])
"""


def _pipeline(name: str, number: int = 1) -> str:
    return GOOD.replace("NAME", name).replace("NUMBER", str(number))


def _finding(arguments: str = "", found: str = "sorted(found)") -> Script:
    return Script(
        body=f"""
        from kedro.framework.project import find_pipelines
        project.bootstrap()
        found = find_pipelines({arguments})
        return {found}
        """
    )


_WARN = ("value", "error", "warnings")
_BAD = "src/{package}/pipelines/bad/__init__.py"
_PROBLEMS = (
    ("import", "import nope_zz", "An error occurred while importing the '{package}.pipelines.bad' module"),
    ("attribute", "x = 1", "does not expose a 'create_pipeline' function"),
    ("kind", "def create_pipeline():\n    return 5", "got 'int' instead"),
)


def _problem_cases() -> tuple[Case, ...]:
    cases = []
    for what, text, message in _PROBLEMS:
        cases.append(
            Case(
                rule="PRJ-33",
                name=f"{what}: a warning, and the rest is found",
                call=Script(
                    body=f"""
                    import warnings
                    from kedro.framework.project import find_pipelines
                    project.bootstrap()
                    with warnings.catch_warnings(record=True) as caught:
                        warnings.simplefilter("always")
                        found = find_pipelines()
                    texts = [str(w.message) for w in caught if w.category is UserWarning]
                    return [sorted(found), len(texts), {message!r} in texts[0]]
                    """
                ),
                files={_BAD: text},
                compare=SAME,
            )
        )
        cases.append(
            Case(
                rule="PRJ-33",
                name=f"{what}: an error when errors are wanted",
                call=_finding("raise_errors=True"),
                files={_BAD: text},
                compare=("error",),
                says=(message if what == "import" else "Pipeline 'bad' not found",),
            )
        )
    return tuple(cases)


TEMPLATE = Project(
    name="template",
    files=project_files(
        TEMPLATE_REGISTRY,
        {
            **TINY,
            "src/{package}/pipelines/one/__init__.py": _pipeline("one"),
            "src/{package}/pipelines/two/__init__.py": _pipeline("two", 2),
            "src/{package}/pipelines/.hidden/__init__.py": "1 / 0",
            "src/{package}/pipelines/file.py": "1 / 0",
        },
    ),
    cases=(
        Case(rule="PRJ-34", name="the sum of what is found", call=Run()),
        Case(rule="PRJ-35", name="one by its name", call=Run(arguments={"pipeline_names": ["two"]})),
        Case(
            rule="PRJ-35",
            name="a broken sibling is harmless to one by its name",
            call=Run(arguments={"pipeline_names": ["two"]}),
            files={_BAD: "1 / 0"},
        ),
        Case(
            rule="PRJ-35",
            name="a broken sibling fails the default run",
            call=Run(),
            files={_BAD: "1 / 0"},
            says=("An error occurred while importing the '{package}.pipelines.bad' module",),
        ),
        Case(
            rule="PRJ-35",
            name="a broken sibling fails serving",
            call=Script(body="project.service(serving_mode=True)"),
            files={_BAD: "1 / 0"},
            says=("An error occurred while importing the '{package}.pipelines.bad' module",),
        ),
        Case(
            rule="SES-8",
            name="an unknown name",
            call=Run(arguments={"pipeline_names": ["nope"]}),
            deviation=Deviation(
                why="Q-7", ours={"error": "ValueError", "message": "Failed to find the pipeline named 'nope'."}
            ),
        ),
        Case(
            rule="SES-8",
            name="an unknown name when serving",
            call=Run(arguments={"pipeline_names": ["nope"]}, create={"serving_mode": True}),
        ),
        Case(rule="PRJ-31", name="folders are pipelines, hidden ones and files are not", call=_finding()),
        Case(
            rule="PRJ-30",
            name="the simplified layout is the default",
            call=_finding(found="{name: sorted(p.outputs()) for name, p in sorted(found.items())}"),
            files={"src/{package}/pipeline.py": _pipeline("simple")},
        ),
        Case(rule="PRJ-30", name="chosen ones come without the default", call=_finding("pipelines_to_find=['one']")),
        Case(
            rule="PRJ-29", name="the default stands for all", call=_finding("pipelines_to_find=['__default__', 'one']")
        ),
        Case(rule="PRJ-29", name="no names choose nothing", call=_finding("pipelines_to_find=[]")),
        Case(
            rule="PRJ-28",
            name="before there is a project",
            call=Script(body="from kedro.framework.project import find_pipelines\nfind_pipelines()"),
            compare=("error",),
            says=("'find_pipelines' cannot be called before the project is configured.",),
        ),
        *_problem_cases(),
        Case(
            rule="PRJ-33",
            name="what create_pipeline raises passes",
            call=_finding(),
            files={_BAD: "def create_pipeline():\n    raise LookupError('no luck')"},
            compare=("error",),
        ),
        Case(
            rule="PRJ-33",
            name="no package of pipelines",
            call=_finding("pipelines_to_find=['q']"),
            files={
                f"src/{{package}}/pipelines/{path}": None
                for path in ("one/__init__.py", "two/__init__.py", ".hidden/__init__.py", "file.py")
            },
            compare=_WARN,
        ),
        Case(
            rule="PRJ-33",
            name="no package of pipelines, as an error",
            call=_finding("raise_errors=True, pipelines_to_find=['q']"),
            files={
                f"src/{{package}}/pipelines/{path}": None
                for path in ("one/__init__.py", "two/__init__.py", ".hidden/__init__.py", "file.py")
            },
            compare=("error",),
            says=("Pipeline(s) not found: q",),
        ),
        Case(
            rule="PRJ-33",
            name="a broken simplified pipeline",
            call=_finding("raise_errors=True"),
            files={"src/{package}/pipeline.py": "import nope_zz"},
            compare=("error",),
            says=("An error occurred while importing the '{package}.pipeline' module",),
        ),
    ),
    varied={"a": (1, 5, 9)},
)

PROJECTS = (PROJECT, TEMPLATE)

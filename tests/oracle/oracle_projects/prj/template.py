"""``find_pipelines``, and the registry that calls it (PRJ-28 to PRJ-35)."""

from both_engines.cases import Case, Deviation, Project, Run, Script, project_files

from oracle_projects.prj.cases import SAME, TINY

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
        Case(rule="PRJ-35 PRJ-27", name="one by its name", call=Run(arguments={"pipeline_names": ["two"]})),
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
        Case(rule="PRJ-31 PRJ-32", name="folders are pipelines, hidden ones and files are not", call=_finding()),
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
            name="a selected name without a folder",
            call=Script(
                body="""
                import warnings
                from kedro.framework.project import find_pipelines
                project.bootstrap()
                with warnings.catch_warnings(record=True) as caught:
                    warnings.simplefilter("always")
                    found = find_pipelines(pipelines_to_find=["one", "zz"])
                texts = [str(w.message) for w in caught if w.category is UserWarning]
                return [sorted(found), len(texts), "importing the '{package}.pipelines.zz' module" in texts[0]]
                """
            ),
        ),
        Case(
            rule="PRJ-33",
            name="a selected name without a folder, as an error",
            call=_finding("raise_errors=True, pipelines_to_find=['zz']"),
            compare=("error",),
            says=("An error occurred while importing the '{package}.pipelines.zz' module",),
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

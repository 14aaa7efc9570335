"""The pipeline registry (PRJ-23 to PRJ-27)."""

from both_engines.cases import Case, Run, Script

from oracle_projects.prj.cases import REGISTRY

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

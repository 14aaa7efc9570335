"""The folder of a project, and its metadata (PRJ-1 to PRJ-10)."""

from both_engines.cases import Case, Deviation, Script, pyproject

from oracle_projects.prj.cases import BOOTSTRAP, OPEN, SAME

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
        rule="PRJ-5 PRJ-7",
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
    Case(
        rule="PRJ-12",
        name="handlers of the process",
        call=Script(
            body="""
            import logging
            mine = logging.NullHandler()
            logging.getLogger().addHandler(mine)
            project.bootstrap()
            return mine in logging.getLogger().handlers
            """
        ),
        compare=SAME,
        deviation=Deviation(why="Q-4", ours={"value": True}),
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
        rule="PRJ-2 PRJ-3",
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

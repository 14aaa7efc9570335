"""Environments, files and parsing (CFG-1 to CFG-20)."""

from oracle_projects.cfg.cases import BASE, CATALOG, GLOBALS, LOCAL, config

LAYOUT = (
    config(
        "CFG-1 CFG-15",
        "a loader is like a dict",
        {BASE: "a: 1"},
        value="[loader['parameters'], loader.get('parameters'), sorted(loader.keys()), 'parameters' in loader]",
    ),
    config("CFG-2", "the run environment comes over the base", {BASE: "a: 1\nb: 2", LOCAL: "b: 3"}),
    config(
        "CFG-2",
        "an explicit environment",
        {BASE: "a: 1", "prod/parameters.yml": "a: 9"},
        arguments="{'env': 'prod'}",
    ),
    config("CFG-2", "an empty environment means none", {BASE: "a: 1", LOCAL: "a: 2"}, arguments="{'env': ''}"),
    config("CFG-2", "the base as run environment", {BASE: "a: 1"}, arguments="{'env': 'base'}"),
    config(
        "CFG-4",
        "an explicit environment must exist",
        {BASE: "a: 1"},
        arguments="{'env': 'prod'}",
        says=("Given configuration path either does not exist or is not a valid directory: <D>/conf/prod",),
    ),
    config(
        "CFG-4",
        "the base must exist",
        {BASE: None, CATALOG: None, LOCAL: "a: 1"},
        says=("is not a valid directory: <D>/conf/base",),
    ),
    config(
        "CFG-4",
        "an absent default environment",
        {BASE: "a: 1", "local/.gitkeep": None},
        ours={"value": {"a": 1}, "error": None},
        why="Q-43",
    ),
    config(
        "CFG-5",
        "an environment that climbs",
        {BASE: "a: 1", "x/parameters.yml": "a: 2"},
        arguments="{'env': 'base/../x'}",
        ours={"value": None, "error": "ValueError", "message": "base/../x"},
        why="Q-8",
    ),
    config(
        "CFG-6",
        "without environments all is one",
        {BASE: "a: 1", LOCAL: "b: 2"},
        arguments="{'base_env': '', 'default_run_env': ''}",
    ),
    config(
        "CFG-6",
        "without environments what is written twice clashes",
        {BASE: "a: 1", LOCAL: "a: 2"},
        arguments="{'base_env': '', 'default_run_env': ''}",
        says=("Duplicate keys found in", "parameters.yml: a"),
    ),
    config("CFG-8", "an absent source is found out later", value="5", source="str(project.path / 'nothing')"),
    config(
        "CFG-8",
        "an absent source",
        source="str(project.path / 'nothing')",
        says=("is not a valid directory: <D>/nothing/base",),
    ),
    config("CFG-8", "no source at all", source="None", says=()),
    config(
        "CFG-7",
        "archives and urls",
        {BASE: "a: 1", LOCAL: "b: 2"},
        source="str(project.path / 'conf')",
        value="""[
        OmegaConfigLoader(made, **arguments)['parameters']
        for shutil in [__import__('shutil')]
        for made in [
            (project.path / 'conf').as_uri(),
            project.path / 'conf',
            shutil.make_archive(str(project.path / 'a'), 'zip', project.path, 'conf'),
            shutil.make_archive(str(project.path / 'b'), 'tar', project.path, 'conf'),
            shutil.make_archive(str(project.path / 'c'), 'gztar', project.path, 'conf'),
        ]
    ]""",
    ),
    config(
        "CFG-7",
        "an archive of another ending",
        {BASE: "a: 1", LOCAL: "b: 2"},
        source="__import__('shutil').make_archive(str(project.path / 'c'), 'gztar', project.path, 'conf')"
        " and (project.path / 'c.tar.gz').rename(project.path / 'c.tgz')",
        ours={"value": {"a": 1, "b": 2}, "error": None},
        why="Q-9",
    ),
)

PATTERNS = (
    config(
        "CFG-10",
        "files that are parameters and files that are not",
        {
            "base/parameters_x.json": '{"json": 1}',
            "base/parameters/deep/er/z.yaml": "deep: 2",
            "base/sub/dir/parameters_q.yml": "sub: 3",
            "base/xparameters.yml": "no1: 1",
            "base/sub/parameters_x/foo.yml": "no2: 1",
            "base/parameters.YML": "no3: 1",
            "base/parameters.txt": "no4: 1",
        },
    ),
    config(
        "CFG-10",
        "globals are one file at the top",
        {GLOBALS: "a: 1", "base/globals.yaml": "b: 1", "base/sub/globals.yml": "c: 1"},
        value="loader['globals']",
    ),
    config("CFG-14", "no globals are empty globals", value="loader['globals']"),
    config(
        "CFG-11",
        "a file of two kinds",
        {"base/parameters/catalog.yml": "x: {type: MemoryDataset}"},
        value="[loader['parameters'], loader['catalog']]",
    ),
    config(
        "CFG-12",
        "hidden files",
        {
            BASE: "a: 1",
            "base/.parameters_h.yml": "h1: 1",
            "base/.ipynb_checkpoints/parameters.yml": "h2: 1",
            "base/parameters/.x.yml": "h3: 1",
        },
    ),
    config(
        "CFG-12",
        "hidden files on request",
        {
            BASE: "a: 1",
            "base/.parameters_h.yml": "h1: 1",
            "base/.checkpoints/parameters.yml": "h2: 1",
            "base/parameters/.x.yml": "h3: 1",
        },
        arguments="{'ignore_hidden': False}",
    ),
    config("CFG-13", "an unknown kind", value="loader['spark']"),
    config("CFG-13", "an unknown kind with a default", value="loader.get('spark', 5)"),
    config(
        "CFG-13",
        "a known kind without files has no default",
        {BASE: None},
        value="loader.get('parameters', 5)",
        says=("No files of YAML or JSON format found in", "matching the glob pattern(s): ['parameters*'"),
    ),
    config("CFG-14", "an empty file is a file", {BASE: ""}),
    config(
        "CFG-14",
        "a kind without files where the base is the run environment",
        {BASE: None},
        arguments="{'env': 'base'}",
        ours={"value": None, "error": "MissingConfigException", "message": "No files of YAML or JSON format"},
        why="Q-10",
    ),
    config(
        "CFG-14",
        "an absent catalog",
        {CATALOG: None},
        value="loader['catalog']",
        ours={"value": {}, "error": None},
        why="Q-43",
    ),
    config(
        "CFG-9",
        "patterns added and replaced",
        {"base/spark.yml": "s: 1", "base/other.yml": "o: 1", BASE: "a: 1"},
        arguments="{'config_patterns': {'spark': ['spark*'], 'parameters': ['other*']}}",
        value="[loader['spark'], loader['parameters'], sorted(loader.keys())]",
    ),
)

_SCALARS = """
date: 2020-01-01
float: 1e3
octal: 012
hex: 0x1F
binary: 0b11
under: 1_000
time: 12:30:45
yes: [yes, on, true, off, y, n, NaN, .inf, ~, null]
text: "12"
multi: |
  one
  two
anchor: &x {k: 1}
merged: {<<: *x, l: 2}
"""

PARSING = (
    config("CFG-16", "scalars", {BASE: _SCALARS}),
    config("CFG-16", "a bare word is a key", {BASE: "hello"}),
    config("CFG-17", "json is read the same", {BASE: None, "base/parameters.json": '{"a": "2020-01-01", "b": 1e3}'}),
    config(
        "CFG-17",
        "text that is not utf-8",
        {BASE: None},
        value="(project.path / 'conf/base/parameters.yml').write_bytes(b'a: \\xff') and loader['parameters']",
        ours={"error": "UnicodeDecodeError", "message": "parameters.yml is not UTF-8: line 1"},
        why="Q-11",
    ),
    config(
        "CFG-18",
        "broken yaml",
        {BASE: "a: [1\nb: 2"},
        says=("Invalid YAML or JSON file <D>/conf/base/parameters.yml, unable to read line ",),
    ),
    config("CFG-18", "a key twice in a file", {BASE: "a: 1\na: 2"}, says=("found duplicate key a",)),
    config("CFG-18", "several documents", {BASE: "a: 1\n---\nb: 2"}, says=("document",)),
    config(
        "CFG-18",
        "a list at the top",
        {BASE: "- 1\n- 2"},
        says=(),
        ours={"error": "AttributeError", "message": "parameters.yml"},
        why="Q-11",
    ),
    config("CFG-19", "numbers and truths as keys of parameters", {BASE: "m: {1: a, 2.5: b, true2: c}\n7: x"}),
    config(
        "CFG-19",
        "a number as a name in the catalog",
        {CATALOG: "1: {type: MemoryDataset}"},
        value="loader['catalog']",
        ours={"error": "AttributeError", "message": "catalog.yml"},
        why="Q-11",
    ),
    config("CFG-20", "question marks stay", {BASE: "a: ???"}),
    config(
        "CFG-20",
        "question marks cannot be referred to",
        {BASE: "a: ???\nb: ${a}"},
        says=("Missing mandatory value: a",),
    ),
)

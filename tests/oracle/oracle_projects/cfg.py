"""CFG: environments, merging, duplicates, hidden files, sources, interpolation, resolvers, the type guard."""

from collections.abc import Mapping
from typing import Any

from both_engines.cases import Case, Deviation, Project, Run, Script, project_files

_LOAD = """
from kedro.config import OmegaConfigLoader
arguments = {{"base_env": "base", "default_run_env": "local", **{arguments}}}
loader = OmegaConfigLoader({source}, **arguments)
return {value}
"""
_SOURCE = "str(project.path / 'conf')"


def _config(
    rule: str,
    name: str,
    files: Mapping[str, str | None] | None = None,
    *,
    value: str = "loader['parameters']",
    arguments: str = "{}",
    source: str = _SOURCE,
    ours: Mapping[str, Any] | None = None,
    why: str = "",
    **facts: Any,
) -> Case:
    """A case that loads configuration; ``ours`` of a deviation named by ``why``."""
    return Case(
        rule=rule,
        name=name,
        call=Script(body=_LOAD.format(source=source, arguments=arguments, value=value)),
        files={f"conf/{path}": text for path, text in (files or {}).items()},
        compare=("value", "error"),
        deviation=Deviation(why=why, ours=ours) if ours is not None else None,
        **facts,
    )


_BASE, _LOCAL = "base/parameters.yml", "local/parameters.yml"
_CATALOG, _GLOBALS = "base/catalog.yml", "base/globals.yml"

LAYOUT = (
    _config(
        "CFG-1",
        "a loader is like a dict",
        {_BASE: "a: 1"},
        value="[loader['parameters'], loader.get('parameters'), sorted(loader.keys()), 'parameters' in loader]",
    ),
    _config("CFG-2", "the run environment comes over the base", {_BASE: "a: 1\nb: 2", _LOCAL: "b: 3"}),
    _config(
        "CFG-2",
        "an explicit environment",
        {_BASE: "a: 1", "prod/parameters.yml": "a: 9"},
        arguments="{'env': 'prod'}",
    ),
    _config("CFG-2", "an empty environment means none", {_BASE: "a: 1", _LOCAL: "a: 2"}, arguments="{'env': ''}"),
    _config("CFG-2", "the base as run environment", {_BASE: "a: 1"}, arguments="{'env': 'base'}"),
    _config(
        "CFG-4",
        "an explicit environment must exist",
        {_BASE: "a: 1"},
        arguments="{'env': 'prod'}",
        says=("Given configuration path either does not exist or is not a valid directory: <D>/conf/prod",),
    ),
    _config(
        "CFG-4",
        "the base must exist",
        {_BASE: None, _CATALOG: None, _LOCAL: "a: 1"},
        says=("is not a valid directory: <D>/conf/base",),
    ),
    _config(
        "CFG-4",
        "an absent default environment",
        {_BASE: "a: 1", "local/.gitkeep": None},
        ours={"value": {"a": 1}, "error": None},
        why="Q-43",
    ),
    _config(
        "CFG-5",
        "an environment that climbs",
        {_BASE: "a: 1", "x/parameters.yml": "a: 2"},
        arguments="{'env': 'base/../x'}",
        ours={"value": None, "error": "ValueError", "message": "base/../x"},
        why="Q-8",
    ),
    _config(
        "CFG-6",
        "without environments all is one",
        {_BASE: "a: 1", _LOCAL: "b: 2"},
        arguments="{'base_env': '', 'default_run_env': ''}",
    ),
    _config(
        "CFG-6",
        "without environments what is written twice clashes",
        {_BASE: "a: 1", _LOCAL: "a: 2"},
        arguments="{'base_env': '', 'default_run_env': ''}",
        says=("Duplicate keys found in", "parameters.yml: a"),
    ),
    _config("CFG-8", "an absent source is found out later", value="5", source="str(project.path / 'nothing')"),
    _config(
        "CFG-8",
        "an absent source",
        source="str(project.path / 'nothing')",
        says=("is not a valid directory: <D>/nothing/base",),
    ),
    _config("CFG-8", "no source at all", source="None", says=()),
    _config(
        "CFG-7",
        "archives and urls",
        {_BASE: "a: 1", _LOCAL: "b: 2"},
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
)

PATTERNS = (
    _config(
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
    _config(
        "CFG-10",
        "globals are one file at the top",
        {_GLOBALS: "a: 1", "base/globals.yaml": "b: 1", "base/sub/globals.yml": "c: 1"},
        value="loader['globals']",
    ),
    _config("CFG-14", "no globals are empty globals", value="loader['globals']"),
    _config(
        "CFG-11",
        "a file of two kinds",
        {"base/parameters/catalog.yml": "x: {type: MemoryDataset}"},
        value="[loader['parameters'], loader['catalog']]",
    ),
    _config(
        "CFG-12",
        "hidden files",
        {
            _BASE: "a: 1",
            "base/.parameters_h.yml": "h1: 1",
            "base/.ipynb_checkpoints/parameters.yml": "h2: 1",
            "base/parameters/.x.yml": "h3: 1",
        },
    ),
    _config(
        "CFG-12",
        "hidden files on request",
        {
            _BASE: "a: 1",
            "base/.parameters_h.yml": "h1: 1",
            "base/.checkpoints/parameters.yml": "h2: 1",
            "base/parameters/.x.yml": "h3: 1",
        },
        arguments="{'ignore_hidden': False}",
    ),
    _config("CFG-13", "an unknown kind", value="loader['spark']"),
    _config("CFG-13", "an unknown kind with a default", value="loader.get('spark', 5)"),
    _config(
        "CFG-13",
        "a known kind without files has no default",
        {_BASE: None},
        value="loader.get('parameters', 5)",
        says=("No files of YAML or JSON format found in", "matching the glob pattern(s): ['parameters*'"),
    ),
    _config("CFG-14", "an empty file is a file", {_BASE: ""}),
    _config(
        "CFG-14",
        "a kind without files where the base is the run environment",
        {_BASE: None},
        arguments="{'env': 'base'}",
        ours={"value": None, "error": "MissingConfigException", "message": "No files of YAML or JSON format"},
        why="Q-10",
    ),
    _config(
        "CFG-14",
        "an absent catalog",
        {_CATALOG: None},
        value="loader['catalog']",
        ours={"value": {}, "error": None},
        why="Q-43",
    ),
    _config(
        "CFG-9",
        "patterns added and replaced",
        {"base/spark.yml": "s: 1", "base/other.yml": "o: 1", _BASE: "a: 1"},
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
    _config("CFG-16", "scalars", {_BASE: _SCALARS}),
    _config("CFG-16", "a bare word is a key", {_BASE: "hello"}),
    _config("CFG-17", "json is read the same", {_BASE: None, "base/parameters.json": '{"a": "2020-01-01", "b": 1e3}'}),
    _config(
        "CFG-17",
        "text that is not utf-8",
        {_BASE: None},
        value="(project.path / 'conf/base/parameters.yml').write_bytes(b'a: \\xff') and loader['parameters']",
        ours={"error": "UnicodeDecodeError", "message": "parameters.yml is not UTF-8: line 1"},
        why="Q-11",
    ),
    _config(
        "CFG-18",
        "broken yaml",
        {_BASE: "a: [1\nb: 2"},
        says=("Invalid YAML or JSON file <D>/conf/base/parameters.yml, unable to read line ",),
    ),
    _config("CFG-18", "a key twice in a file", {_BASE: "a: 1\na: 2"}, says=("found duplicate key a",)),
    _config("CFG-18", "several documents", {_BASE: "a: 1\n---\nb: 2"}, says=("document",)),
    _config(
        "CFG-18",
        "a list at the top",
        {_BASE: "- 1\n- 2"},
        says=(),
        ours={"error": "AttributeError", "message": "parameters.yml"},
        why="Q-11",
    ),
    _config("CFG-19", "numbers and truths as keys of parameters", {_BASE: "m: {1: a, 2.5: b, true2: c}\n7: x"}),
    _config(
        "CFG-19",
        "a number as a name in the catalog",
        {_CATALOG: "1: {type: MemoryDataset}"},
        value="loader['catalog']",
        ours={"error": "AttributeError", "message": "catalog.yml"},
        why="Q-11",
    ),
    _config("CFG-20", "question marks stay", {_BASE: "a: ???"}),
    _config(
        "CFG-20",
        "question marks cannot be referred to",
        {_BASE: "a: ???\nb: ${a}"},
        says=("Missing mandatory value: a",),
    ),
)

COMBINING = (
    _config(
        "CFG-21",
        "files of one environment are one before interpolation",
        {_BASE: "a: ${b.c}", "base/parameters_b.yml": "b: {c: 5}"},
    ),
    _config("CFG-22", "mappings of two files merge", {_BASE: "a: {x: 1}", "base/parameters_b.yml": "a: {y: 2}"}),
    _config(
        "CFG-22",
        "the same leaf in two files",
        {_BASE: "a: {x: 1}", "base/parameters_b.yml": "a: {x: 2}"},
        says=("Duplicate keys found in", "parameters.yml", "parameters_b.yml", ": a.x"),
    ),
    _config("CFG-22", "lists are leaves", {_BASE: "a: [1]", "base/parameters_b.yml": "a: [2]"}, says=(": a",)),
    _config("CFG-22", "empty mappings clash with nothing", {_BASE: "a: {}", "base/parameters_b.yml": "a: {}"}),
    _config(
        "CFG-23",
        "other kinds may not share a top-level key",
        {_CATALOG: "a: {type: MemoryDataset}", "base/catalog_b.yml": "a: {data: 1}"},
        value="loader['catalog']",
        says=("Duplicate keys found in", "catalog_b.yml", ": a"),
    ),
    _config(
        "CFG-24",
        "hidden keys are exempt",
        {_CATALOG: "_a: {k: 1}\nx: {type: MemoryDataset}", "base/catalog_b.yml": "_a: {k: 1}"},
        value="loader['catalog']",
    ),
    _config(
        "CFG-25",
        "many duplicates are cut",
        {
            _BASE: "\n".join(f"key_{n:02}: 1" for n in range(30)),
            "base/parameters_b.yml": "\n".join(f"key_{n:02}: 1" for n in range(30)),
        },
        says=(
            ": key_00, key_01, key_02",
            "key_11, key_...",
        ),
    ),
    _config("CFG-27", "environments are resolved apart", {_BASE: "a: 1\nb: ${a}", _LOCAL: "a: 2"}),
    _config(
        "CFG-27",
        "the run environment cannot see the base",
        {_BASE: "a: 1", _LOCAL: "b: ${a}"},
        says=("Interpolation key 'a' not found",),
    ),
    _config("CFG-28", "keys are replaced whole", {_BASE: "a: {x: 1, y: 2}\nb: 3", _LOCAL: "a: {x: 9}"}),
    *(
        _config(
            "CFG-29",
            f"soft merging of {key}",
            {f"base/{key}.yml": "a: {x: 1, y: {z: 1, w: [1, 2]}}\nb: 3", f"local/{key}.yml": "a: {x: 9, y: {w: [3]}}"},
            arguments=f"{{'merge_strategy': {{'{key}': 'Soft'}}}}",
            value=f"loader['{key}']",
        )
        for key in ("parameters", "catalog", "credentials", "globals")
    ),
    _config(
        "CFG-29",
        "an unknown strategy",
        {_BASE: "a: 1"},
        arguments="{'merge_strategy': {'parameters': 'weird'}}",
        says=("Merging strategy weird not supported",),
    ),
    _config(
        "CFG-30",
        "hidden keys at the top stay in parameters only",
        {
            _BASE: "_a: 1\nb: {_c: 2}",
            _CATALOG: "_a: {k: 1}\nb: {type: MemoryDataset, _c: 2}",
            _GLOBALS: "_a: 1\nb: {_c: 2}",
        },
        value="[loader['parameters'], loader['catalog'], loader['globals']]",
    ),
)


def _runtime(rule: str, name: str, files: Mapping[str, str], values: str, **facts: Any) -> Case:
    return _config(rule, name, files, arguments=f"{{'runtime_params': {values}}}", **facts)


RUNTIME = (
    _runtime(
        "CFG-31",
        "values are laid over, keys are added",
        {_BASE: "a: {b: 1, c: 2}\nd: [1, 2]"},
        "{'a': {'b': 9}, 'd': [3], 'e': 5, 'a.b': 7}",
    ),
    _runtime(
        "CFG-31", "none and other types replace", {_BASE: "a: {b: 1}\nc: 2\nd: 3"}, "{'a': 5, 'c': {'x': 1}, 'd': None}"
    ),
    _runtime(
        "CFG-32",
        "nothing is lost without parameters of the run environment",
        {_BASE: "b: {c: 2, d: 3}"},
        "{'b': {'z': 7}}",
    ),
    _runtime(
        "CFG-32",
        "siblings are kept with parameters of the run environment",
        {_BASE: "b: {c: 2, d: 3}", _LOCAL: "q: 1"},
        "{'b': {'z': 7}}",
        ours={"value": {"b": {"c": 2, "d": 3, "z": 7}, "q": 1}},
        why="Q-13",
    ),
    _config(
        "CFG-32",
        "softly nothing is lost",
        {_BASE: "b: {c: 2, d: 3}", _LOCAL: "q: 1"},
        arguments="{'runtime_params': {'b': {'z': 7}}, 'merge_strategy': {'parameters': 'soft'}}",
    ),
    _runtime("CFG-33", "what refers to an overridden key sees it", {_BASE: "a: 1\nb: ${a}"}, "{'a': 5}"),
    _runtime(
        "CFG-34",
        "no other kind is touched",
        {_CATALOG: "a: {type: MemoryDataset}"},
        "{'a': 5}",
        value="loader['catalog']",
    ),
    _runtime(
        "CFG-35",
        "strings are interpolated",
        {_BASE: "b: 4", _GLOBALS: "secret: 7"},
        "{'a': '${b}', 'g': '${globals:secret}'}",
    ),
    _runtime("CFG-36", "types of values", {_BASE: "b: 4"}, "{'l': [1], 'd': {'x': 1.5}, 'n': None, 't': True}"),
    _runtime(
        "CFG-36",
        "tuples become lists",
        {_BASE: "b: 4"},
        "{'a': (1, (2,))}",
        ours={"value": {"b": 4, "a": [1, [2]]}},
        why="CFG-36",
    ),
    _runtime(
        "CFG-36",
        "opaque objects are literals",
        {_BASE: "b: 4"},
        "{'a': __import__('datetime').date(2020, 1, 1)}",
        ours={"value": {"b": 4, "a": {"object": "datetime.date(2020, 1, 1)"}}, "error": None},
        why="Q-15",
    ),
    _runtime(
        "CFG-37", "no parameters at all", {_BASE: None}, "{'a': 1}", says=("No files of YAML or JSON format found",)
    ),  # type: ignore[dict-item]
)

_GRAMMAR = """
a: {b: 1, l: [1, {z: 2}, 3]}
i: 1
f: 1.5
n: null
t: true
which: i
abs: ${a.b}
idx: [ "${a[l][1][z]}", "${a.l.0}", "${a.l[-1]}", "${a.l[0]}" ]
rel: {x: 1, y: "${.x}", deep: {z: "${..x}"}}
whole: ["${i}", "${f}", "${n}", "${t}", "${a}", "${a.l}"]
mixed: '${i}-${t}-${n}-${f}'
list: 'is ${a.l[0]}'
nest: ["${${which}}", "${a.${.key}}"]
esc: ['\\${i}', '\\\\${i}', 'a $ b', '$${i}', '{i}']
"""

GRAMMAR = (
    _config("CFG-38", "references", {_BASE: _GRAMMAR.replace(', "${a.${.key}}"', "")}),
    _config(
        "CFG-40", "nested references", {_BASE: "m: {p: 1, q: 2}\nwhich: q\nv: ${m.${which}}\nw: ${${x}}\nx: which"}
    ),
    _config("CFG-41", "keys are never interpolated", {_BASE: "a: 1\n'${a}': 2"}),
    _config(
        "CFG-43",
        "single braces are text",
        {_CATALOG: "'{name}_x': {type: MemoryDataset, data: '{name}'}"},
        value="loader['catalog']",
    ),
    *(
        _config("CFG-42", name, {_BASE: text}, says=says)
        for name, text, says in (
            ("an unknown key", "a: {b: '${nope}'}", ("Interpolation key 'nope' not found", "full_key: a.b")),
            ("a circle", "a: ${b}\nb: ${a}", ("Recursive interpolation detected",)),
            ("nothing to refer to", "a: ${}", ("a",)),
            ("an open brace", "a: ${b", ("a",)),
            ("an unknown resolver", "a: ${nores:1}", ("Unsupported interpolation type nores",)),
        )
    ),
    _config(
        "CFG-44",
        "built-in resolvers",
        {
            _BASE: """
            a: {x: 1, y: 2}
            k: '${oc.dict.keys:a}'
            v: '${oc.dict.values:a}'
            d: "${oc.decode:'[1, 2]'}"
            s: '${oc.select:nope,5}'
            c: '${oc.create:{p: 1}}'
            """
        },
    ),
)

RESOLVERS = (
    _config(
        "CFG-45",
        "globals",
        {
            _GLOBALS: "x: 1\nn: null\nz: 0\nm: {l: [5, 6], _h: 3}",
            "local/globals.yml": "x: 2",
            _BASE: """
            plain: ['${globals:x}', '${globals:n,4}', '${globals:z,4}', '${globals:no,d}']
            deep: ['${globals:m.l.1}', '${globals:m._h}', '${globals:m}']
            """,
        },
    ),
    _config(
        "CFG-45",
        "a missing global",
        {_BASE: "a: ${globals:y}"},
        says=("Globals key 'y' not found and no default value provided.",),
    ),
    _config(
        "CFG-46",
        "a hidden global",
        {_BASE: "a: ${globals:_x,1}", _GLOBALS: "_x: 2"},
        says=("Keys starting with '_' are not supported for globals.",),
    ),
    _config(
        "CFG-47", "brackets in paths of globals", {_BASE: "a: ${globals:l[1]}", _GLOBALS: "l: [1, 2]"}, says=("a",)
    ),
    _config(
        "CFG-48",
        "defaults",
        {
            _BASE: """
            plain: ['${globals:n,1}', '${globals:n,true}', '${globals:n,null}', '${globals:n,a b}']
            quoted: ["${globals:n,'q'}", "${globals:n,''}", '${globals:n,s3://b/k}']
            deep: ['${globals:n,[1,2]}', '${globals:n,{k: 1}}', '${globals:n,${b}}']
            b: 7
            """
        },
    ),
    _config("CFG-49", "globals refer to each other", {_GLOBALS: "x: 1\ny: ${x}"}, value="loader['globals']"),
    _config(
        "CFG-49",
        "globals know no runtime parameters",
        {_GLOBALS: "x: ${runtime_params:r,1}"},
        value="loader['globals']",
        says=("The `runtime_params:` resolver is not supported for globals.",),
    ),
    _config(
        "CFG-49",
        "globals within globals",
        {_GLOBALS: "x: ${globals:y,1}"},
        value="loader['globals']",
        ours={"error": "InterpolationResolutionError", "message": "refer to them as"},
        why="Q-16",
    ),
    _config(
        "CFG-49",
        "globals know no environment",
        {_GLOBALS: "x: ${oc.env:HOME}"},
        value="loader['globals']",
        says=("oc.env",),
    ),
    _runtime(
        "CFG-50",
        "runtime parameters",
        {
            _BASE: """
            a: ['${runtime_params:r}', '${runtime_params:m.k}', '${runtime_params:n,4}', '${runtime_params:no,${b}}']
            b: 3
            """,
            _CATALOG: "x: {type: MemoryDataset, data: '${runtime_params:r}'}",
            "base/credentials.yml": "c: '${runtime_params:r,1}'",
        },
        "{'r': 1.5, 'm': {'k': [1]}, 'n': None}",
        value="[loader['parameters'], loader['catalog'], loader['credentials']]",
    ),
    _config(
        "CFG-50",
        "a missing runtime parameter",
        {_BASE: "a: ${runtime_params:z}"},
        says=("Runtime parameter 'z' not found and no default value provided.",),
    ),
    _config(
        "CFG-51",
        "the environment in credentials",
        {"base/credentials.yml": "a: {b: '${oc.env:SECRET}', c: '${oc.env:NOPE_ZZ,d}', e: '${oc.env:NUMBER}'}"},
        value="loader['credentials']",
        environ={"SECRET": "s3cret", "NUMBER": "12"},
    ),
    _config("CFG-51", "the environment elsewhere", {_BASE: "a: ${oc.env:HOME}"}, says=("oc.env",)),
    _config(
        "CFG-51",
        "a missing variable",
        {"base/credentials.yml": "a: ${oc.env:NOPE_ZZ}"},
        value="loader['credentials']",
        says=("Environment variable 'NOPE_ZZ' not found",),
    ),
    _config(
        "CFG-52",
        "credentials of several files cannot refer to each other",
        {"base/credentials.yml": "a: 1", "base/credentials_b.yml": "b: ${a}"},
        value="loader['credentials']",
        says=("Interpolation key 'a' not found",),
    ),
    _config(
        "CFG-54",
        "custom resolvers",
        {
            _BASE: """
        a: ${add:1,2}
        b: ${day:2020}
        c: '${same:{k: [1]}}'
        d: '${join:a,b}'
        """
        },
        arguments="{'custom_resolvers': {'add': lambda *n: sum(n), 'same': lambda x: x, 'join': lambda *w: '+'.join(w),"
        " 'day': lambda y: __import__('datetime').date(y, 1, 1)}}",
    ),
    _config(
        "CFG-54",
        "a custom resolver that fails",
        {_BASE: "a: ${bad:1}"},
        arguments="{'custom_resolvers': {'bad': lambda x: 1 / 0}}",
        says=("division by zero",),
    ),
    _config(
        "CFG-54",
        "the environment everywhere by a resolver",
        {_BASE: "a: ${oc.env:SECRET}"},
        arguments="{'custom_resolvers': {'oc.env': lambda name: __import__('os').environ[name]}}",
        environ={"SECRET": "x"},
    ),
)


def _guard(rule: str, name: str, text: str, values: str = "{'dt': 'json.JSONDataset'}", **facts: Any) -> Case:
    return _config(
        rule,
        name,
        {_CATALOG: text},
        arguments=f"{{'runtime_params': {values}, 'restrict_runtime_params_type_selection': True}}",
        value="loader['catalog']",
        **facts,
    )


_GUARDED: Mapping[str, Any] = {"value": None, "error": "InterpolationResolutionError", "message": "not permitted"}

GUARD = (
    _guard(
        "CFG-56",
        "a type that is given",
        "q: {type: '${runtime_params:dt,MemoryDataset}'}",
        says=(
            "Dataset 'q' resolves a 'type' field via the 'runtime_params:' resolver to 'json.JSONDataset'",
            ", which is not permitted.",
        ),
    ),
    _guard("CFG-57", "a type that is not given", "q: {type: '${runtime_params:dt,MemoryDataset}'}", "{'x': 1}"),
    _guard("CFG-57", "other fields", "q: {type: MemoryDataset, data: '${runtime_params:dt}'}"),
    _guard(
        "CFG-58", "by way of another key", "_t: ${runtime_params:dt}\nq: {type: '${_t}'}", ours=_GUARDED, why="Q-19"
    ),
    _guard(
        "CFG-58",
        "a whole entry",
        "q: ${runtime_params:entry}",
        "{'entry': {'type': 'json.JSONDataset'}}",
        ours=_GUARDED,
        why="Q-19",
    ),
    _guard(
        "CFG-58",
        "inside a list",
        "q: {type: MemoryDataset, data: [{type: '${runtime_params:dt}'}]}",
        ours=_GUARDED,
        why="Q-19",
    ),
    _guard("CFG-58", "a quoted name", "q: {type: '${runtime_params:\"dt\"}'}", ours=_GUARDED, why="Q-19"),
    _guard(
        "CFG-58", "a name that is computed", "_v: dt\nq: {type: '${runtime_params:${_v}}'}", ours=_GUARDED, why="Q-19"
    ),
)

CACHING = (
    _config(
        "CFG-59",
        "each look is a fresh tree",
        {_BASE: "a: {b: 1}"},
        value="[loader['parameters']['a'].update(c=1), loader['parameters']]",
    ),
    _config(
        "CFG-60",
        "what is set beats the files",
        {_BASE: "a: 1"},
        value="[loader.__setitem__('parameters', {'z': 1}), loader.__setitem__('any', 5)]"
        " and [loader['parameters'], loader['any'], 'parameters' in loader]",
    ),
    _config(
        "CFG-60",
        "globals that are set",
        {_BASE: "a: ${globals:x}"},
        value="[loader.__setitem__('globals', {'x': 8}), loader['parameters']]",
    ),
)

CONFIG = Project(
    name="cfg",
    files={"conf/base/parameters.yml": "", "conf/base/catalog.yml": "", "conf/local/.gitkeep": ""},
    cases=(*LAYOUT, *PATTERNS, *PARSING, *COMBINING, *RUNTIME, *GRAMMAR, *RESOLVERS, *GUARD, *CACHING),
)

_REGISTRY = """
from kedro.pipeline import Pipeline, node

def show(*values):
    return {"values": list(values)}

def register_pipelines():
    return {"__default__": Pipeline([
        node(show, ["params:a", "params:model.lr", "params:env", "source"], "shown", name="show"),
        node(lambda x: x, "shown", "target", name="keep"),
    ])}
"""

ENVIRONMENTS = Project(
    name="cfg_run",
    files=project_files(
        _REGISTRY,
        {
            "conf/base/globals.yml": "folder: here\nscale: 3",
            "conf/base/parameters.yml": "a: ${globals:scale}\nmodel: {lr: 0.1, depth: 2}\nenv: base",
            "conf/base/catalog.yml": """
            source:
              type: MemoryDataset
              data: ${runtime_params:source,7}
            target:
              type: json.JSONDataset
              filepath: data/${globals:folder}/out_${runtime_params:who,nobody}.json
            """,
            "conf/local/parameters.yml": "env: local",
            "conf/prod/parameters.yml": "env: prod\nmodel: {lr: 0.9}",
            "conf/prod/globals.yml": "folder: there",
        },
    ),
    cases=(
        Case(rule="CFG-2", name="a run in the default environment", call=Run()),
        Case(rule="CFG-2", name="a run in another environment", call=Run(create={"env": "prod"})),
        Case(rule="SES-4", name="the environment of the process", call=Run(), environ={"KEDRO_ENV": "prod"}),
        Case(
            rule="SES-4",
            name="an argument beats the process",
            call=Run(create={"env": "local"}),
            environ={"KEDRO_ENV": "prod"},
        ),
        Case(
            rule="SES-5",
            name="a wrong environment is found at the run",
            call=Run(create={"env": "nope"}),
            says=("is not a valid directory: <D>/conf/nope",),
        ),
        Case(
            rule="CFG-50",
            name="parameters of a run",
            call=Run(arguments={"runtime_params": {"who": "me", "source": 8, "model": {"lr": 1}}}),
        ),
        Case(
            rule="CFG-50",
            name="parameters of a single run",
            call=Run(session="single", create={"runtime_params": {"who": "you", "source": [1]}}),
        ),
    ),
    varied={"who": ("a", "b", "c", "d"), "source": (1, 2, 3), "a": (1, 2)},
)

PROJECTS = (CONFIG, ENVIRONMENTS)

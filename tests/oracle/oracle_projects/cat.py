"""CAT: datasets by type, credentials, factories, versions, transcoding, memory, custom classes, the catalog's API."""

import textwrap
from collections.abc import Mapping
from typing import Any

from both_engines.cases import Case, Deviation, Project, Run, Script, project_files

_OPEN = """
import sys, yaml
sys.path.insert(0, str(project.path))
from kedro.io import (
    AbstractDataset, AbstractVersionedDataset, CachedDataset, DataCatalog, DatasetError, MemoryDataset, Version
)
catalog = DataCatalog.from_config(yaml.safe_load({entries!r}), **{arguments})
"""


def _catalog(
    rule: str,
    name: str,
    entries: str,
    body: str,
    *,
    seed: str = "",
    arguments: str = "{}",
    ours: Mapping[str, Any] | None = None,
    why: str = "",
    **facts: Any,
) -> Case:
    """A case on a catalog that is made of ``entries``, in the project's folder."""
    facts = {"compare": ("value", "error", "files"), **facts}
    lines = _OPEN.format(entries=textwrap.dedent(entries), arguments=arguments) + seed + textwrap.dedent(body)
    deviation = Deviation(why=why, ours=ours) if ours is not None else None
    return Case(rule=rule, name=name, call=Script(body=lines), deviation=deviation, **facts)


_LOAD = "return catalog.load('x')"

ENTRIES = (
    _catalog(
        "CAT-4",
        "an entry that is no mapping",
        "x: 5",
        _LOAD,
        says=("Catalog entry 'x' is not a valid dataset configuration.",),
    ),
    _catalog(
        "CAT-4",
        "an entry without a type",
        "x: {data: 5}",
        _LOAD,
        says=("'type' is missing from dataset catalog configuration",),
    ),
    _catalog(
        "CAT-5",
        "a broken entry does no harm until it is used",
        "x: {type: nope.Nope}\ny: {type: MemoryDataset, data: 1}",
        "return [catalog.load('y'), list(catalog.keys())]",
    ),
    *(
        _catalog(
            "CAT-6",
            f"the type {type_}",
            f"x: {{type: {type_}, data: 1}}",
            "return [catalog.load('x'), type(catalog['x']).__name__]",
        )
        for type_ in ("MemoryDataset", "kedro.io.MemoryDataset", "kedro.io.memory_dataset.MemoryDataset")
    ),
    *(
        _catalog(
            "CAT-6",
            f"the type {type_}",
            f"x: {{type: {type_}, filepath: {file}}}",
            f"catalog.save('x', {data})\nreturn [catalog.load('x'), type(catalog['x']).__name__, catalog.exists('x')]",
        )
        for type_, file, data in (
            ("json.JSONDataset", "a/b.json", "{'k': [1, 2.5, 'ä', None]}"),
            ("kedro_datasets.json.json_dataset.JSONDataset", "b.json", "[1]"),
            ("kedro_datasets.json.JSONDataset", "c.json", "'text'"),
            ("yaml.YAMLDataset", "a.yml", "{'b': [1, {'c': 2}], 'a': 'ä'}"),
            ("text.TextDataset", "a.txt", "'one\\ntwo ä'"),
            ("pickle.PickleDataset", "a.pkl", "{'k': (1, {2})}"),
            ("pandas.CSVDataset", "a.csv", "__import__('pandas').DataFrame({'a': [1, 2], 'b': ['x', 'y']})"),
            ("pandas.ParquetDataset", "a.csv", "5"),
        )
        if type_ != "pandas.ParquetDataset"
    ),
    _catalog(
        "CAT-1",
        "other keys are arguments",
        "x: {type: json.JSONDataset, filepath: a.json, save_args: {indent: 0}, metadata: {any: thing}}",
        """
        catalog.save('x', [1])
        return catalog['x'].metadata
        """,
    ),
    _catalog(
        "CAT-2",
        "a key called version is not passed",
        "x: {type: json.JSONDataset, filepath: a.json, version: 5}",
        """
        catalog.save('x', [1])
        return catalog.load('x')
        """,
    ),
    _catalog(
        "CAT-2",
        "a text for versioned",
        "x: {type: json.JSONDataset, filepath: a.json, versioned: 'false'}",
        "catalog.save('x', [1])",
        ours={"error": "DatasetError", "message": "versioned", "files": {}},
        why="Q-45",
    ),
    _catalog(
        "CAT-3",
        "a class that knows no versions",
        "x: {type: MemoryDataset, versioned: true}",
        _LOAD,
        says=("unexpected keyword argument 'version'", "'x'"),
    ),
    _catalog(
        "CAT-8",
        "a type that begins with a dot",
        "x: {type: .json.JSONDataset}",
        _LOAD,
        says=("'type' class path does not support relative paths or paths ending with a dot.",),
    ),
    _catalog(
        "CAT-8",
        "a type that ends with a dot",
        "x: {type: json.JSONDataset.}",
        _LOAD,
        says=("'type' class path does not support relative paths or paths ending with a dot.",),
    ),
    _catalog(
        "CAT-8",
        "an unknown module",
        "x: {type: nope.NopeDataset}",
        _LOAD,
        says=("An exception occurred when parsing config for dataset 'x':", "No module named 'nope'"),
    ),
    _catalog(
        "CAT-8",
        "an unknown class",
        "x: {type: pandas.NopeDataset}",
        _LOAD,
        says=(
            "An exception occurred when parsing config for dataset 'x':",
            "Dataset 'NopeDataset' not found in 'pandas'",
        ),
    ),
    _catalog("CAT-8", "an unknown bare name", "x: {type: nope}", _LOAD, says=("nope",)),
    _catalog(
        "CAT-8",
        "a class that is no dataset",
        "x: {type: builtins.dict}",
        _LOAD,
        says=("Dataset type 'builtins.dict' is invalid: all dataset types must extend 'AbstractDataset'.",),
    ),
    _catalog(
        "CAT-8",
        "something that is no class",
        "x: {type: os.getcwd}",
        _LOAD,
        says=("An exception occurred when parsing config for dataset 'x':",),
    ),
    _catalog(
        "CAT-10",
        "the old spelling",
        "x: {type: json.JSONDataSet}",
        _LOAD,
        says=("An exception occurred when parsing config for dataset 'x':",),
    ),
    _catalog(
        "CAT-11",
        "an unknown argument",
        "x: {type: json.JSONDataset, filepath: a, nope: 1}",
        _LOAD,
        says=("Dataset 'x' must only contain arguments valid for the constructor of",),
    ),
    _catalog(
        "CAT-11",
        "a missing argument",
        "x: {type: json.JSONDataset}",
        _LOAD,
        says=("Dataset 'x' must only contain arguments valid for the constructor of",),
    ),
    _catalog(
        "CAT-11",
        "a constructor that fails",
        "x: {type: custom.Failing}",
        _LOAD,
        says=("Failed to instantiate dataset 'x' of type",),
    ),
    _catalog(
        "CAT-11",
        "an abstract class",
        "x: {type: custom.Abstract}",
        _LOAD,
        says=("Dataset 'x' cannot be instantiated. Please implement the missing abstract methods in",),
    ),
    _catalog(
        "CAT-7",
        "a class for a type",
        "{}",
        """
        catalog = DataCatalog.from_config({'x': {'type': MemoryDataset, 'data': [1]}})
        return catalog.load('x')
        """,
    ),
)

CREDENTIALS = (
    _catalog(
        "CAT-14",
        "credentials at any depth of mappings",
        """
        x:
          type: custom.Shown
          credentials: one
          args: {credentials: two, list: [{credentials: one}]}
          more: {credentials: {credentials: two}}
          none: {credentials: null}
        """,
        "return catalog.load('x')",
        arguments="{'credentials': {'one': {'key': 1}, 'two': 'text'}}",
    ),
    _catalog(
        "CAT-14",
        "credentials of patterns",
        "'{n}_x': {type: custom.Shown, credentials: one}",
        "return catalog.load('a_x')",
        arguments="{'credentials': {'one': {'key': 1}}}",
    ),
    _catalog(
        "CAT-15",
        "unknown credentials",
        "{}",
        """
        try:
            DataCatalog.from_config({"x": {"type": "custom.Shown", "credentials": "zz"}})
        except KeyError as error:
            return ["Unable to find credentials 'zz'" in str(error), isinstance(error, DatasetError)]
        """,
        ours={"value": [True, True]},
        why="Q-44",
    ),
)

_SORTED = """
'{name}': {type: MemoryDataset, data: 'catch {name}'}
'{ns}.int_{name}': {type: MemoryDataset, data: 'int {ns} {name}'}
'{ns}.{name}': {type: MemoryDataset, data: 'ns {ns} {name}'}
'{name}_raw': {type: MemoryDataset, data: 'raw {name}'}
'{a}_{b}_raw': {type: MemoryDataset, data: 'two {a} {b}'}
'x_{name}_raw': {type: MemoryDataset, data: 'x {name}'}
explicit_raw: {type: MemoryDataset, data: 'explicit'}
"""

PATTERNS = (
    _catalog(
        "CAT-17 CAT-19",
        "the most specific pattern wins",
        _SORTED,
        """
names = ["a.int_b", "x_q_raw", "p_q_raw", "x__raw", "foo", "_raw", "a.b.c", "explicit_raw"]
return [catalog.config_resolver.list_patterns(), {name: catalog.load(name) for name in names}]
""",
        ours=None,
    ),
    _catalog(
        "CAT-18",
        "regular expressions are literal and repeated names equal",
        "'{a}+{a}': {type: MemoryDataset, data: '{a}'}",
        "return [catalog.load('p+p'), 'p+q' in catalog, 'ppp' in catalog]",
    ),
    _catalog(
        "CAT-18",
        "case",
        "'{a}_X': {type: MemoryDataset, data: '{a}'}",
        "return 'q_x' in catalog",
        ours={"value": False},
        why="Q-22",
    ),
    _catalog(
        "CAT-20",
        "two catch-alls",
        "'{a}': {type: MemoryDataset}\n'{b}': {type: MemoryDataset}",
        _LOAD,
        says=("Multiple catch-all patterns found in the catalog: {a}, {b}",),
    ),
    _catalog(
        "CAT-21",
        "a name that the pattern lacks",
        "'{a}_x': {type: MemoryDataset, data: '{b}'}",
        _LOAD,
        says=(
            "Incorrect dataset configuration provided. Keys used in the configuration {'{b}'} should present",
            "in the dataset pattern name {a}_x",
        ),
    ),
    _catalog(
        "CAT-22",
        "names are filled in everywhere but in keys",
        "'{a}_x': {type: custom.Shown, args: {'k{a}': ['{a}', {z: 'q{a}q'}], n: 5}}",
        "return catalog.load('p_x')",
    ),
    _catalog(
        "CAT-22",
        "names are filled into types",
        "'{a}_{kind}': {type: '{kind}.JSONDataset', filepath: '{a}.json'}",
        """
        catalog.save('p_json', [1])
        return catalog.get_type('p_json')
        """,
    ),
    _catalog(
        "CAT-22",
        "a stray brace",
        "'{a}_x': {type: MemoryDataset, data: 'b}'}",
        "return catalog.load('p_x')",
        says=("Single '}' encountered in format string",),
    ),
    _catalog(
        "CAT-23",
        "the catch-all says that it was used",
        "'{name}': {type: MemoryDataset, data: 1}",
        "return catalog.load('foo')",
        logs=("Config from the dataset pattern .* will be used to override .*",),
    ),
    _catalog(
        "CAT-24",
        "an entry called default",
        "'{default}': {type: MemoryDataset, data: 1}",
        "return [catalog.config_resolver.list_patterns(), catalog.load('x')]",
    ),
    _catalog(
        "CAT-26",
        "membership and registration",
        "a: {type: MemoryDataset}\n'{n}_x': {type: MemoryDataset}",
        """
        before = ['p_x' in catalog, 'a' in catalog, 'q' in catalog, list(catalog.keys())]
        catalog['p_x']
        return [before, list(catalog.keys())]
        """,
    ),
    _catalog("CAT-26", "a catch-all knows every name", "'{n}': {type: MemoryDataset}", "return 'anything' in catalog"),
    _catalog(
        "CAT-27",
        "a pattern without a type fails when it is used",
        "'{n}_x': {data: 1}",
        "return project.raised(catalog.load, 'a_x')['error']",
    ),
    _catalog(
        "CAT-29",
        "patterns are listed with the default",
        "'{n}_x': {type: MemoryDataset}\n'{a}.{b}': {type: MemoryDataset}",
        "return catalog.config_resolver.list_patterns()",
    ),
)

_V1, _V2, _V3 = "2020-01-01T00.00.00.000Z", "2021-01-01T00.00.00.000Z", "2019-01-01T00.00.00.000Z"
_VERSIONED = "x: {type: json.JSONDataset, filepath: data/x.json, versioned: true}"
_SEED = "".join(f"project.write('data/x.json/v{n}/x.json', '{n}')\n" for n in (1, 2))
_AT = "{'save_version': 'v9'}"

VERSIONS = (
    _catalog(
        "CAT-30 CAT-31",
        "the layout",
        _VERSIONED,
        """
        catalog.save('x', [1])
        return [catalog.load('x'), catalog['x'].resolve_save_version(), catalog['x'].resolve_load_version()]
        """,
        arguments=_AT,
    ),
    _catalog(
        "CAT-31",
        "a version of its own",
        _VERSIONED,
        """
        import re

        catalog.save("x", [1])
        version = catalog["x"].resolve_save_version()
        return bool(re.match(r"\\d{4}-\\d\\d-\\d\\dT\\d\\d\\.\\d\\d\\.\\d\\d\\.\\d{3}Z", version))
        """,
        compare=("value", "error"),
    ),
    _catalog("CAT-32", "the latest version", _VERSIONED, _LOAD, seed=_SEED),
    _catalog("CAT-32", "a pinned version", _VERSIONED, _LOAD, seed=_SEED, arguments="{'load_versions': {'x': 'v1'}}"),
    _catalog(
        "CAT-32",
        "a folder without its file is no version",
        _VERSIONED,
        "project.write('data/x.json/v3/other', '')\n" + _LOAD,
        seed=_SEED,
    ),
    _catalog(
        "CAT-33",
        "the latest version is remembered until release",
        _VERSIONED,
        """
        first = catalog.load('x')
        project.write('data/x.json/v3/x.json', '3')
        second = catalog.load('x')
        catalog.release('x')
        return [first, second, catalog.load('x')]
        """,
        seed=_SEED,
    ),
    _catalog(
        "CAT-34", "no version", _VERSIONED, "return [catalog.exists('x'), project.raised(catalog.load, 'x')]", ours=None
    ),
    _catalog(
        "CAT-34",
        "no version, by types",
        _VERSIONED,
        """
        try:
            catalog.load('x')
        except Exception as error:
            return project.tell(error)
        """,
    ),
    _catalog(
        "CAT-34",
        "a version that is pinned and not there",
        _VERSIONED,
        _LOAD,
        seed=_SEED,
        arguments="{'load_versions': {'x': 'v5'}}",
        says=("x: ", "data/x.json/v5/x.json"),
    ),
    _catalog(
        "CAT-34",
        "a version that exists",
        _VERSIONED,
        "catalog.save('x', [1])\ncatalog.save('x', [2])",
        arguments=_AT,
        says=("x: Save path '", "' for ", "must not exist if versioning is enabled."),
    ),
    _catalog(
        "CAT-34",
        "a file where the folder should be",
        "x: {type: json.JSONDataset, filepath: plain.json, versioned: true}",
        "project.write('plain.json', '1')\ncatalog.save('x', [1])",
        arguments=_AT,
        says=("Cannot save versioned dataset 'plain.json' to", "because a file with the same name already exists"),
    ),
    _catalog(
        "CAT-34",
        "http",
        "x: {type: json.JSONDataset, filepath: 'http://localhost:1/x.json', versioned: true}",
        "catalog.save('x', [1])",
        arguments=_AT,
        says=("Versioning is not supported for HTTP protocols.",),
    ),
    *(
        _catalog(
            "CAT-35",
            f"the version {version!r}",
            _VERSIONED,
            "catalog.save('x', [1])",
            arguments=f"{{'save_version': {version!r}}}",
            says=(f"Version string '{version}' is not allowed.",),
        )
        for version in ("../x", "a/b", ".", "..")
    ),
    _catalog(
        "CAT-35",
        "a pinned version that climbs",
        _VERSIONED,
        _LOAD,
        arguments="{'load_versions': {'x': '../x'}}",
        says=("Version string '../x' is not allowed.",),
    ),
    _catalog(
        "CAT-36",
        "saving while another version loads",
        _VERSIONED,
        "catalog.save('x', [1])",
        seed=_SEED,
        arguments="{'load_versions': {'x': 'v1'}, 'save_version': 'v0'}",
        compare=("error", "files", "warnings"),
    ),
    _catalog(
        "CAT-36",
        "saving an older version than there is",
        _VERSIONED,
        """
        catalog.save('x', [1])
        return catalog.load('x')
        """,
        seed=_SEED,
        arguments="{'save_version': 'v0'}",
        compare=("value", "error", "files", "warnings"),
        why="a run loads what it saved",
        ours={"value": [1], "warnings": []},
    ),
    _catalog(
        "CAT-37",
        "pins of unknown names",
        _VERSIONED + "\n'{n}': {type: MemoryDataset}",
        "pass",
        arguments="{'load_versions': {'zz': 'v', 'yy': 'v', 'x': 'v1'}}",
        says=("'load_versions' keys [yy, zz] are not found in the catalog.",),
    ),
    _catalog(
        "CAT-37",
        "pins of patterns and of what has no versions",
        """
        '{n}_v': {type: json.JSONDataset, filepath: 'data/x.json', versioned: true}
        m: {type: MemoryDataset, data: 1}
        """,
        "return [catalog.load('x_v'), catalog.load('m')]",
        seed=_SEED,
        arguments="{'load_versions': {'x_v': 'v1', 'm': 'v1'}}",
    ),
    _catalog(
        "CAT-38",
        "a version by the way",
        _VERSIONED + "\nm: {type: MemoryDataset, data: 1}",
        "return [catalog.load('x', version='v1'), catalog.load('x'), catalog.load('m', version='v1')]",
        seed=_SEED,
    ),
    _catalog(
        "CAT-39",
        "one save version",
        _VERSIONED,
        """
        from pathlib import PurePosixPath
        from kedro_datasets.json import JSONDataset
        catalog['x']
        catalog['n'] = JSONDataset(filepath='n.json', version=Version(None, 'OTHER'))
        """,
        arguments=_AT,
        says=("Cannot add a dataset `n` with `OTHER` save version",),
    ),
    _catalog(
        "CAT-40",
        "versions listed",
        _VERSIONED + "\nm: {type: json.JSONDataset, filepath: m.json}",
        """
        return [
            catalog["x"].list_versions(full_path=False),
            [str(p).rpartition("data")[2] for p in catalog["x"].list_versions()],
            catalog["m"].resolve_load_version(),
            catalog["m"].resolve_save_version(),
        ]
        """,
        seed=_SEED,
    ),
    _catalog(
        "CAT-3",
        "versions of patterns",
        "'{n}': {type: json.JSONDataset, filepath: 'data/{n}.json', versioned: true}",
        """
        catalog.save('a', 1)
        catalog.save('b', 2)
        return [catalog.load('a'), catalog.load('b')]
        """,
        arguments=_AT,
    ),
)

MEMORY = (
    _catalog(
        "CAT-42",
        "copies on save and on load",
        "{}",
        """
        data = [1, [2]]
        catalog['x'] = MemoryDataset(data)
        data[1].append(3)
        first = catalog.load('x')
        first.append(9)
        return catalog.load('x')
        """,
    ),
    *(
        _catalog(
            "CAT-42",
            f"the mode {mode}",
            "{}",
            f"""
            data = [1, [2]]
            dataset = MemoryDataset(copy_mode={mode})
            dataset.save(data)
            found = dataset.load()
            return [found is data, found[1] is data[1], found]
            """,
        )
        for mode in ("None", "'deepcopy'", "'copy'", "'assign'")
    ),
    _catalog(
        "CAT-42",
        "an unknown mode",
        "x: {type: MemoryDataset, copy_mode: bad}",
        "catalog.save('x', 1)",
        says=("Invalid copy mode: bad.",),
    ),
    _catalog(
        "CAT-42",
        "modes of frames and arrays",
        "{}",
        """
        import pandas as pd
        import numpy as np

        class DataFrame:
            pass

        frame, array, own, series = pd.DataFrame({"a": [[1]]}), np.array([[1]]), DataFrame(), pd.Series([[1]])
        found = []
        for data in (frame, array, own, series):
            set_ = MemoryDataset(data)
            got = set_.load()
            found.append([got is data, type(got).__name__])
        return [
            found,
            MemoryDataset(frame).load()["a"][0] is frame["a"][0],
            MemoryDataset(series).load()[0] is series[0],
        ]
        """,
    ),
    _catalog(
        "CAT-43",
        "before anything was saved",
        "x: {type: MemoryDataset}",
        "return [catalog.exists('x'), project.raised(catalog.load, 'x')]",
    ),
    _catalog(
        "CAT-43",
        "release and none",
        "x: {type: MemoryDataset, data: 1}",
        """
        catalog.save('x', 2)
        before = catalog.exists('x')
        catalog.release('x')
        return [before, catalog.exists('x'), MemoryDataset(None).load(), MemoryDataset(None).exists()]
        """,
    ),
    _catalog(
        "CAT-44",
        "what cannot be copied",
        "x: {type: MemoryDataset}",
        "catalog.save('x', (i for i in []))",
        says=("x: Failed while saving data to dataset", "cannot pickle 'generator' object"),
    ),
    _catalog(
        "CAT-49",
        "none cannot be saved",
        "x: {type: MemoryDataset}\ny: {type: json.JSONDataset, filepath: y.json}",
        """
        return [project.raised(catalog.save, n, None) for n in "xy"] + [
            project.raised(catalog[n].save, None) for n in "xy"
        ]
        """,
    ),
    _catalog(
        "CAT-45",
        "a cached dataset",
        "x: {type: CachedDataset, dataset: {type: json.JSONDataset, filepath: x.json}}",
        """
        catalog.save('x', [1])
        project.write('x.json', '[2]')
        first = catalog.load('x')
        catalog.release('x')
        return [first, catalog.load('x'), catalog.exists('x')]
        """,
    ),
    _catalog(
        "CAT-45",
        "a cached dataset with versions",
        "x: {type: CachedDataset, versioned: true, dataset: {type: json.JSONDataset, filepath: x.json}}",
        """
        catalog.save('x', [1])
        return catalog.load('x')
        """,
        arguments=_AT,
    ),
    _catalog(
        "CAT-45",
        "a cached dataset with versions inside",
        "x: {type: CachedDataset, dataset: {type: json.JSONDataset, filepath: x.json, versioned: true}}",
        _LOAD,
        says=(
            "Cached datasets should specify that they are versioned in the 'CachedDataset',",
            "not in the wrapped dataset.",
        ),
    ),
    _catalog(
        "CAT-45",
        "a cached dataset of nothing",
        "x: {type: CachedDataset, dataset: 5}",
        _LOAD,
        says=("The argument type of 'dataset' should be either a dict/YAML",),
    ),
    _catalog(
        "CAT-47",
        "what is ephemeral",
        "x: {type: json.JSONDataset, filepath: x.json}",
        "return [MemoryDataset()._EPHEMERAL, catalog['x']._EPHEMERAL]",
    ),
)

_CUSTOM = '''
from kedro.io import AbstractDataset, AbstractVersionedDataset

class Failing(AbstractDataset):
    def __init__(self):
        raise LookupError("no luck")

    def load(self):
        return 1

    def save(self, data):
        pass

    def _describe(self):
        return {}

class Abstract(AbstractDataset):
    def load(self):
        return 1

class Shown(AbstractDataset):
    """Loads what it was made with."""

    def __init__(self, **arguments):
        self._arguments = arguments

    def load(self):
        return self._arguments

    def save(self, data):
        self._arguments = data

    def _describe(self):
        return {}

class Old(AbstractDataset):
    """Kedro's former names of methods, and all the optional ones."""

    def __init__(self, filepath, secret=None):
        self._filepath, self._secret, self.confirmed = filepath, secret, 0

    def _load(self):
        return open(self._filepath).read()

    def _save(self, data):
        open(self._filepath, "w").write(data)

    def _exists(self):
        import os

        return os.path.exists(self._filepath)

    def _describe(self):
        return {"filepath": self._filepath, "secret": self._secret, "none": None}

    def confirm(self):
        self.confirmed += 1

class Bad(AbstractDataset):
    def __init__(self, error="LookupError"):
        self._error = error

    def _fail(self):
        import builtins

        raise getattr(builtins, self._error)("no luck")

    def load(self):
        self._fail()

    def save(self, data):
        self._fail()

    def _exists(self):
        self._fail()

    def _release(self):
        self._fail()

    def _describe(self):
        return {"url": "s3://user:pw@bucket/key?token=1"}

class Mute(AbstractDataset):
    def load(self):
        return 1

    def save(self, data):
        pass

    def _describe(self):
        return {}

class Appending(AbstractDataset):
    def __init__(self, filepath):
        self._filepath = filepath

    def load(self):
        return open(self._filepath).read()

    def save(self, data):
        open(self._filepath, "a").write(f"{data};")

    def _describe(self):
        return {"filepath": self._filepath}

class Lines(AbstractVersionedDataset):
    """What Kedro's documentation shows of a versioned dataset."""

    def __init__(self, filepath, version=None, metadata=None):
        import fsspec
        from pathlib import PurePosixPath

        self._protocol, self._fs = "file", fsspec.filesystem("file")
        self.metadata = metadata
        super().__init__(
            filepath=PurePosixPath(filepath),
            version=version,
            exists_function=self._fs.exists,
            glob_function=self._fs.glob,
        )

    def load(self):
        with self._fs.open(str(self._get_load_path()), "r") as file:
            return file.read().splitlines()

    def save(self, data):
        path = str(self._get_save_path())
        self._fs.makedirs(path.rpartition("/")[0], exist_ok=True)
        with self._fs.open(path, "w") as file:
            file.write("\\n".join(data))

    def _describe(self):
        return {"filepath": self._filepath, "version": self._version}

    def _exists(self):
        return self._fs.exists(str(self._get_load_path()))

    def _release(self):
        super()._release()
        self._fs.invalidate_cache(str(self._filepath))
'''

CUSTOM = (
    _catalog(
        "CAT-48",
        "former names of methods",
        "x: {type: custom.Old, filepath: x.txt}",
        """
        before = catalog.exists('x')
        catalog.save('x', 'hi')
        return [before, catalog.exists('x'), catalog.load('x')]
        """,
    ),
    _catalog(
        "CAT-52",
        "how a dataset is shown",
        "x: {type: custom.Old, filepath: x.txt, secret: 's3://u:p@b/k?t=1'}",
        "return repr(catalog['x'])",
    ),
    _catalog(
        "CAT-50 CAT-56",
        "errors are wrapped and named",
        "x: {type: custom.Bad}",
        """
        return [
            project.raised(call, *arguments)
            for call, *arguments in [
                (catalog.load, "x"),
                (catalog.save, "x", 1),
                (catalog.exists, "x"),
                (catalog.release, "x"),
                (catalog["x"].load,),
                (catalog["x"].save, 1),
            ]
        ]
        """,
    ),
    *(
        _catalog(
            "CAT-50",
            f"{error} of load and save",
            f"x: {{type: custom.Bad, error: {error}}}",
            "return [project.raised(catalog.save, 'x', 1)['error'], project.raised(catalog.load, 'x')['error']]",
        )
        for error in ("FileNotFoundError", "NotADirectoryError", "PermissionError", "TypeError")
    ),
    _catalog(
        "CAT-50",
        "the cause is kept",
        "x: {type: custom.Bad}",
        """
        try:
            catalog.load('x')
        except Exception as error:
            return project.tell(error)
        """,
    ),
    _catalog(
        "CAT-51",
        "a class that cannot tell what exists",
        "x: {type: custom.Mute}",
        "return catalog.exists('x')",
        logs=("'exists\\(\\)' not implemented.*",),
    ),
    _catalog(
        "CAT-57",
        "confirm",
        "x: {type: custom.Old, filepath: x}\nm: {type: MemoryDataset}",
        """
        catalog.confirm('x')
        return [catalog['x'].confirmed, project.raised(catalog.confirm, 'm'), project.raised(catalog.confirm, 'zz')]
        """,
        logs=("Confirming dataset.*",),
    ),
    _catalog(
        "CAT-30",
        "a versioned class of a project",
        "x: {type: custom.Lines, filepath: x.txt, versioned: true}",
        """
        catalog.save('x', ['a', 'b'])
        return [catalog.load('x'), catalog.exists('x'), repr(catalog['x'])]
        """,
        arguments=_AT,
    ),
    _catalog(
        "CAT-34",
        "a versioned class without versions",
        "x: {type: custom.Lines, filepath: x.txt, versioned: true}",
        "return [catalog.exists('x'), project.raised(catalog.load, 'x')['error']]",
    ),
    _catalog(
        "CAT-30",
        "a versioned class used without versions",
        "x: {type: custom.Lines, filepath: x.txt}",
        """
        catalog.save('x', ['a'])
        return [catalog.load('x'), repr(catalog['x'])]
        """,
    ),
    _catalog(
        "CAT-48",
        "a class by its from_config",
        "{}",
        """
        made = AbstractDataset.from_config('x', {'type': 'custom.Shown', 'a': 1})
        return made.load()
        """,
    ),
)

_TWO = """
a: {type: MemoryDataset, data: 1}
b: {type: json.JSONDataset, filepath: b.json}
'{n}_x': {type: json.JSONDataset, filepath: '{n}.json'}
"""

API = (
    _catalog(
        "CAT-54",
        "get",
        _TWO,
        """
        return [
            type(catalog.get("a")).__name__,
            catalog.get("zz"),
            type(catalog.get("zz", fallback_to_runtime_pattern=True)).__name__,
            "zz" in catalog,
            type(catalog.get("q_x")).__name__,
        ]
        """,
    ),
    _catalog(
        "CAT-55",
        "unknown names",
        _TWO,
        """
        return [catalog.exists("zz")] + [
            project.raised(call, "zz", *more)
            for call, *more in [
                (catalog.__getitem__,),
                (catalog.load,),
                (catalog.save, 1),
                (catalog.release,),
                (catalog.confirm,),
            ]
        ]
        """,
    ),
    _catalog(
        "CAT-58",
        "assignment",
        _TWO,
        """
        catalog['n'] = [1]
        catalog['a'] = MemoryDataset(5)
        catalog['n'] = 2
        return [catalog.load('n'), catalog.load('a'), list(catalog.keys())]
        """,
        logs=("Replacing dataset.*",),
    ),
    _catalog(
        "CAT-59",
        "order of keys",
        _TWO,
        """
        before = list(catalog)
        catalog['b']
        catalog['n'] = 1
        catalog['q_x']
        return [before, list(catalog), list(catalog.keys()), len(catalog)]
        """,
    ),
    _catalog(
        "CAT-60",
        "filter",
        _TWO,
        """
        return [
            catalog.filter(name_regex="^a|b"),
            catalog.filter(type_regex="json"),
            catalog.filter(by_type=MemoryDataset),
            catalog.filter(name_regex="z"),
            catalog.filter(by_type=[MemoryDataset], name_regex="a"),
        ]
        """,
    ),
    _catalog(
        "CAT-61",
        "types",
        _TWO,
        "return [catalog.get_type(n) for n in ('a', 'b', 'q_x', 'zz')] + [list(catalog.keys())]",
    ),
    _catalog(
        "CAT-53",
        "values and items make everything",
        _TWO,
        "return [[type(v).__name__ for v in catalog.values()], [k for k, v in catalog.items()], len(catalog)]",
    ),
    _catalog(
        "CAT-53",
        "what there is not",
        _TWO,
        """
        return [hasattr(catalog, name) for name in ("add", "list", "shallow_copy", "pop")] + [
            project.raised(catalog.__delitem__, "a")["error"] if hasattr(catalog, "__delitem__") else None
        ]
        """,
    ),
    _catalog(
        "CAT-63",
        "a given dataset wins over an entry",
        _TWO,
        "return DataCatalog(datasets={'a': MemoryDataset(7)}, config_resolver=catalog.config_resolver).load('a')",
    ),
    _catalog(
        "CAT-62",
        "a catalog as configuration",
        "b: {type: custom.Shown, credentials: c, p: 1}\na: {type: MemoryDataset}",
        "return list(catalog.to_config())",
        arguments="{'credentials': {'c': {'k': 1}}}",
    ),
    _catalog(
        "CAT-62",
        "a catalog in use as configuration",
        "b: {type: custom.Shown, credentials: c, p: 1}\na: {type: MemoryDataset}",
        """
        catalog['b']
        return list(catalog.to_config())[:2]
        """,
        arguments="{'credentials': {'c': {'k': 1}}}",
        ours={
            "value": [
                {"b": {"type": "custom.Shown", "credentials": "b_credentials", "p": 1}},
                {"b_credentials": {"k": 1}},
            ]
        },
        why="CAT-62",
    ),
    _catalog(
        "CAT-64",
        "loads and saves are told",
        _TWO,
        "catalog.save('b', 1)\ncatalog.load('a')",
        logs=("Loading data from.*", "Saving data to.*"),
    ),
    _catalog(
        "CAT-53",
        "a catalog of objects",
        "{}",
        """
        catalog = DataCatalog({'a': MemoryDataset(1), 'b': MemoryDataset(2)})
        return [catalog.load('b'), list(catalog), 'a' in catalog]
        """,
    ),
)

_REGISTRY = """
from kedro.pipeline import Pipeline, node

def join(*values):
    return "|".join(map(str, values))

def register_pipelines():
    return {
        "__default__": Pipeline(
            [
                node(join, ["source", "params:a"], "ns.mid", name="first"),
                node(join, "ns.mid", "last_json", name="second"),
                node(join, ["ns.mid", "plain"], "free", name="third"),
            ]
        ),
        "versioned": Pipeline(
            [
                node(join, ["source", "params:a"], "saved", name="save"),
                node(join, "saved", "again", name="load"),
            ]
        ),
        "transcoded": Pipeline(
            [
                node(lambda s: [s], "source", "code@json", name="write"),
                node(lambda t: t.strip(), "code@text", "read", name="read"),
            ]
        ),
        "cached": Pipeline(
            [
                node(lambda s: [s], "source", "cached", name="write"),
                node(lambda c: c + c, "cached", "twice", name="read"),
            ]
        ),
        "three_parts": Pipeline([node(join, "x@a", "y", name="three")]),
        "custom": Pipeline(
            [
                node(lambda s: [str(s), "b"], "source", "lines", name="lines"),
                node(len, "lines", "count", name="len"),
            ]
        ),
        "secret": Pipeline([node(join, "secret", "told", name="tell")]),
    }
"""
_ENTRIES = """
source: {type: MemoryDataset, data: 5}
plain: {type: text.TextDataset, filepath: data/in/plain.txt}
"{ns}.{name}": {type: text.TextDataset, filepath: "data/{ns}/{name}.txt"}
"{name}_json": {type: json.JSONDataset, filepath: "data/json/{name}.json", metadata: {filepath: other}}
saved: {type: text.TextDataset, filepath: data/saved.txt, versioned: true}
code@json: {type: json.JSONDataset, filepath: data/code.json}
code@text: {type: text.TextDataset, filepath: data/code.json}
cached: {type: CachedDataset, dataset: {type: json.JSONDataset, filepath: data/cached.json}}
lines: {type: "{package}.custom.Lines", filepath: data/lines.txt, versioned: true}
secret:
  type: "{package}.custom.Shown"
  credentials: key
  nested: {filepath: rel/path, list: [{filepath: rel}], path: /abs, filename: "s3://b/k"}
"""


def _run(rule: str, name: str, pipeline: str, more: Mapping[str, Any] | None = None, **facts: Any) -> Case:
    arguments = {"pipeline_names": [pipeline], "run_id": "2030-01-01T00.00.00.000Z", **(more or {})}
    return Case(rule=rule, name=name, call=Run(arguments=arguments), **facts)


RUNS = Project(
    name="cat_run",
    files=project_files(
        _REGISTRY,
        {
            "conf/base/catalog.yml": _ENTRIES,
            "conf/base/parameters.yml": "a: 1",
            "conf/local/credentials.yml": "key: {user: me, filepath: rel/key}",
            "data/in/plain.txt": "plain",
            "src/{package}/custom.py": _CUSTOM,
        },
    ),
    cases=(
        _run("CAT-28", "patterns persist what lies between", "__default__"),
        _run("CAT-30 CAT-31", "a version of the run's id", "versioned"),
        _run(
            "CAT-32",
            "a pinned version in a run",
            "versioned",
            {"load_versions": {"saved": "v1"}, "from_inputs": ["saved"]},
            files={"data/saved.txt/v1/saved.txt": "one", "data/saved.txt/v2/saved.txt": "two"},
        ),
        _run(
            "CAT-32",
            "the latest version in a run",
            "versioned",
            {"from_inputs": ["saved"]},
            files={"data/saved.txt/v1/saved.txt": "one", "data/saved.txt/v2/saved.txt": "two"},
        ),
        _run(
            "CAT-34",
            "a version that is there",
            "versioned",
            files={"data/saved.txt/2030-01-01T00.00.00.000Z/saved.txt": "one"},
            says=("saved: Save path", "must not exist if versioning is enabled."),
        ),
        _run("CAT-37", "a pin of an unknown name", "versioned", {"load_versions": {"nope": "v1"}}),
        _run("CAT-37", "a pin of a parameter", "versioned", {"load_versions": {"params:a": "v1"}}),
        _run("CAT-41", "transcoding", "transcoded"),
        _run(
            "CAT-41",
            "two separators",
            "transcoded",
            files={"conf/base/catalog_more.yml": "'x@a@b': {type: MemoryDataset}"},
            says=("Expected maximum 1 transcoding separator, found 2 instead: 'x@a@b'.",),
        ),
        _run("CAT-45", "a cached dataset in a run", "cached"),
        _run("CAT-30", "a versioned class of the project", "custom"),
        _run("CAT-12 CAT-14", "paths and credentials", "secret"),
        _run(
            "CAT-4",
            "an entry that is no mapping",
            "custom",
            files={"conf/base/catalog_more.yml": "bad: 5"},
            says=("Catalog entry 'bad' is not a valid dataset configuration",),
        ),
        _run(
            "CAT-5",
            "a broken entry that no node uses",
            "custom",
            files={"conf/base/catalog_more.yml": "bad: {type: nope.Nope}"},
        ),
        Case(
            rule="CAT-39",
            name="a single run saves under its own id",
            call=Script(
                body="""
                with project.single(save_on_close=False) as session:
                    project.run(session, pipeline_names=["versioned"])
                folders = [path.name for path in (project.path / "data/saved.txt").iterdir()]
                return folders == [session.session_id]
                """
            ),
            compare=("value", "error"),
        ),
        Case(
            rule="CAT-65",
            name="the catalog of a context",
            call=Script(
                body="""
                catalog = project.service().load_context().catalog
                return [type(catalog).__name__, catalog.list_patterns()]
                """
            ),
        ),
    ),
    varied={"a": (1, 2, 3, 4)},
)

CATALOG = Project(
    name="cat",
    files={"custom.py": _CUSTOM},
    cases=(*ENTRIES, *CREDENTIALS, *PATTERNS, *VERSIONS, *MEMORY, *CUSTOM, *API),
)

PROJECTS = (CATALOG, RUNS)

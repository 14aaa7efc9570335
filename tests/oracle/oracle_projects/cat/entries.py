"""Entries, types and credentials (CAT-1 to CAT-16)."""

from oracle_projects.cat.cases import LOAD, catalog

ENTRIES = (
    catalog(
        "CAT-4",
        "an entry that is no mapping",
        "x: 5",
        LOAD,
        says=("Catalog entry 'x' is not a valid dataset configuration.",),
    ),
    catalog(
        "CAT-4",
        "an entry without a type",
        "x: {data: 5}",
        LOAD,
        says=("'type' is missing from dataset catalog configuration",),
    ),
    catalog(
        "CAT-5",
        "a broken entry does no harm until it is used",
        "x: {type: nope.Nope}\ny: {type: MemoryDataset, data: 1}",
        "return [catalog.load('y'), list(catalog.keys())]",
    ),
    *(
        catalog(
            "CAT-6",
            f"the type {type_}",
            f"x: {{type: {type_}, data: 1}}",
            "return [catalog.load('x'), type(catalog['x']).__name__]",
        )
        for type_ in ("MemoryDataset", "kedro.io.MemoryDataset", "kedro.io.memory_dataset.MemoryDataset")
    ),
    *(
        catalog(
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
        )
    ),
    catalog(
        "CAT-1",
        "other keys are arguments",
        "x: {type: json.JSONDataset, filepath: a.json, save_args: {indent: 0}, metadata: {any: thing}}",
        """
        catalog.save('x', [1])
        return catalog['x'].metadata
        """,
    ),
    catalog(
        "CAT-2",
        "a key called version is not passed",
        "x: {type: json.JSONDataset, filepath: a.json, version: 5}",
        """
        catalog.save('x', [1])
        return catalog.load('x')
        """,
    ),
    catalog(
        "CAT-2",
        "a text for versioned",
        "x: {type: json.JSONDataset, filepath: a.json, versioned: 'false'}",
        "catalog.save('x', [1])",
        ours={"error": "DatasetError", "message": "versioned", "files": {}},
        why="Q-45",
    ),
    catalog(
        "CAT-3",
        "a class that knows no versions",
        "x: {type: MemoryDataset, versioned: true}",
        LOAD,
        says=("unexpected keyword argument 'version'", "'x'"),
    ),
    catalog(
        "CAT-8",
        "a type that begins with a dot",
        "x: {type: .json.JSONDataset}",
        LOAD,
        says=("'type' class path does not support relative paths or paths ending with a dot.",),
    ),
    catalog(
        "CAT-8",
        "a type that ends with a dot",
        "x: {type: json.JSONDataset.}",
        LOAD,
        says=("'type' class path does not support relative paths or paths ending with a dot.",),
    ),
    catalog(
        "CAT-8",
        "an unknown module",
        "x: {type: nope.NopeDataset}",
        LOAD,
        says=("An exception occurred when parsing config for dataset 'x':", "No module named 'nope'"),
    ),
    catalog(
        "CAT-8",
        "an unknown class",
        "x: {type: pandas.NopeDataset}",
        LOAD,
        says=(
            "An exception occurred when parsing config for dataset 'x':",
            "Dataset 'NopeDataset' not found in 'pandas'",
        ),
    ),
    catalog("CAT-8", "an unknown bare name", "x: {type: nope}", LOAD, says=("nope",)),
    catalog(
        "CAT-8",
        "a class that is no dataset",
        "x: {type: builtins.dict}",
        LOAD,
        says=("Dataset type 'builtins.dict' is invalid: all dataset types must extend 'AbstractDataset'.",),
    ),
    catalog(
        "CAT-8",
        "something that is no class",
        "x: {type: os.getcwd}",
        LOAD,
        says=("An exception occurred when parsing config for dataset 'x':",),
    ),
    catalog(
        "CAT-10",
        "the old spelling",
        "x: {type: json.JSONDataSet}",
        LOAD,
        says=("An exception occurred when parsing config for dataset 'x':",),
    ),
    catalog(
        "CAT-11",
        "an unknown argument",
        "x: {type: json.JSONDataset, filepath: a, nope: 1}",
        LOAD,
        says=("Dataset 'x' must only contain arguments valid for the constructor of",),
    ),
    catalog(
        "CAT-11",
        "a missing argument",
        "x: {type: json.JSONDataset}",
        LOAD,
        says=("Dataset 'x' must only contain arguments valid for the constructor of",),
    ),
    catalog(
        "CAT-11",
        "a constructor that fails",
        "x: {type: custom.Failing}",
        LOAD,
        says=("Failed to instantiate dataset 'x' of type",),
    ),
    catalog(
        "CAT-11",
        "an abstract class",
        "x: {type: custom.Abstract}",
        LOAD,
        says=("Dataset 'x' cannot be instantiated. Please implement the missing abstract methods in",),
    ),
    catalog(
        "CAT-7",
        "a class for a type",
        "{}",
        """
        catalog = DataCatalog.from_config({'x': {'type': MemoryDataset, 'data': [1]}})
        return catalog.load('x')
        """,
    ),
    catalog(
        "CAT-9",
        "a class whose module imports what is not there",
        "x: {type: lacking.Thing}",
        "project.write('lacking.py', 'import nope_zz')\n" + LOAD,
        says=("No module named 'nope_zz'",),
    ),
    catalog(
        "CAT-13",
        "paths start at the working folder",
        "x: {type: json.JSONDataset, filepath: there/x.json}",
        """
        import os
        (project.path / "in").mkdir()
        os.chdir(project.path / "in")
        catalog.save("x", 1)
        """,
    ),
)

CREDENTIALS = (
    catalog(
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
    catalog(
        "CAT-14",
        "credentials of patterns",
        "'{n}_x': {type: custom.Shown, credentials: one}",
        "return catalog.load('a_x')",
        arguments="{'credentials': {'one': {'key': 1}}}",
    ),
    catalog(
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

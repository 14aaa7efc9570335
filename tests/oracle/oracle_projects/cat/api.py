"""The methods of the catalog (CAT-53 to CAT-64)."""

from oracle_projects.cat.cases import catalog

_TWO = """
a: {type: MemoryDataset, data: 1}
b: {type: json.JSONDataset, filepath: b.json}
'{n}_x': {type: json.JSONDataset, filepath: '{n}.json'}
"""

API = (
    catalog(
        "CAT-54 CAT-25",
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
    catalog(
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
    catalog(
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
    catalog(
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
    catalog(
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
    catalog(
        "CAT-61",
        "types",
        _TWO,
        "return [catalog.get_type(n) for n in ('a', 'b', 'q_x', 'zz')] + [list(catalog.keys())]",
    ),
    catalog(
        "CAT-53",
        "arguments by their names",
        _TWO,
        """
        catalog.save(ds_name="a", data=2)
        told = [catalog.load(ds_name="a", version=None), catalog.exists(ds_name="a"), catalog.get_type(ds_name="zz")]
        catalog.release(ds_name="a")
        made = catalog.get(key="zz", fallback_to_runtime_pattern=True, version=None)
        return [*told, type(made).__name__, project.raised(catalog.confirm, ds_name="a")]
        """,
    ),
    catalog(
        "CAT-53",
        "values and items make everything",
        _TWO,
        "return [[type(v).__name__ for v in catalog.values()], [k for k, v in catalog.items()], len(catalog)]",
    ),
    catalog(
        "CAT-53",
        "what there is not",
        _TWO,
        """
        return [hasattr(catalog, name) for name in ("add", "list", "shallow_copy", "pop")] + [
            project.raised(catalog.__delitem__, "a")["error"] if hasattr(catalog, "__delitem__") else None
        ]
        """,
    ),
    catalog(
        "CAT-63",
        "a given dataset wins over an entry",
        _TWO,
        "return DataCatalog(datasets={'a': MemoryDataset(7)}, config_resolver=catalog.config_resolver).load('a')",
    ),
    catalog(
        "CAT-62",
        "a catalog as configuration",
        "b: {type: custom.Shown, credentials: c, p: 1}\na: {type: MemoryDataset}",
        "return list(catalog.to_config())",
        arguments="{'credentials': {'c': {'k': 1}}}",
    ),
    catalog(
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
    catalog(
        "CAT-64",
        "loads and saves are told",
        _TWO,
        "catalog.save('b', 1)\ncatalog.load('a')",
        logs=("Loading data from.*", "Saving data to.*"),
    ),
    catalog(
        "CAT-53",
        "a catalog of objects",
        "{}",
        """
        catalog = DataCatalog({'a': MemoryDataset(1), 'b': MemoryDataset(2)})
        return [catalog.load('b'), list(catalog), 'a' in catalog]
        """,
    ),
    catalog(
        "CAT-58",
        "a catalog of data",
        "{}",
        "return DataCatalog({'a': 1}).load('a')",
        ours={"value": 1, "error": None},
        why="CAT-58",
    ),
)

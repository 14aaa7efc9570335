"""Versioned datasets (CAT-30 to CAT-40)."""

from oracle_projects.cat.cases import AT, LOAD, catalog

_VERSIONED = "x: {type: json.JSONDataset, filepath: data/x.json, versioned: true}"

_SEED = "".join(f"project.write('data/x.json/v{n}/x.json', '{n}')\n" for n in (1, 2))

VERSIONS = (
    catalog(
        "CAT-30 CAT-31",
        "the layout",
        _VERSIONED,
        """
        catalog.save('x', [1])
        return [catalog.load('x'), catalog['x'].resolve_save_version(), catalog['x'].resolve_load_version()]
        """,
        arguments=AT,
    ),
    catalog(
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
    catalog("CAT-32", "the latest version", _VERSIONED, LOAD, seed=_SEED),
    catalog(
        "CAT-54",
        "a version is got",
        _VERSIONED,
        "from kedro.io import Version\nreturn catalog.get('x', version=Version('v1', None)).load()",
        seed=_SEED,
    ),
    catalog("CAT-32", "a pinned version", _VERSIONED, LOAD, seed=_SEED, arguments="{'load_versions': {'x': 'v1'}}"),
    catalog(
        "CAT-32",
        "a folder without its file is no version",
        _VERSIONED,
        "project.write('data/x.json/v3/other', '')\n" + LOAD,
        seed=_SEED,
    ),
    catalog(
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
    catalog(
        "CAT-34", "no version", _VERSIONED, "return [catalog.exists('x'), project.raised(catalog.load, 'x')]", ours=None
    ),
    catalog(
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
    catalog(
        "CAT-34",
        "a version that is pinned and not there",
        _VERSIONED,
        LOAD,
        seed=_SEED,
        arguments="{'load_versions': {'x': 'v5'}}",
        says=("x: ", "data/x.json/v5/x.json"),
    ),
    catalog(
        "CAT-34",
        "a version that exists",
        _VERSIONED,
        "catalog.save('x', [1])\ncatalog.save('x', [2])",
        arguments=AT,
        says=("x: Save path '", "' for ", "must not exist if versioning is enabled."),
    ),
    catalog(
        "CAT-34",
        "a file where the folder should be",
        "x: {type: json.JSONDataset, filepath: plain.json, versioned: true}",
        "project.write('plain.json', '1')\ncatalog.save('x', [1])",
        arguments=AT,
        says=("Cannot save versioned dataset 'plain.json' to", "because a file with the same name already exists"),
    ),
    catalog(
        "CAT-34",
        "http",
        "x: {type: json.JSONDataset, filepath: 'http://localhost:1/x.json', versioned: true}",
        "catalog.save('x', [1])",
        arguments=AT,
        says=("Versioning is not supported for HTTP protocols.",),
    ),
    *(
        catalog(
            "CAT-35",
            f"the version {version!r}",
            _VERSIONED,
            "catalog.save('x', [1])",
            arguments=f"{{'save_version': {version!r}}}",
            says=(f"Version string '{version}' is not allowed.",),
        )
        for version in ("../x", "a/b", ".", "..")
    ),
    catalog(
        "CAT-35",
        "a pinned version that climbs",
        _VERSIONED,
        LOAD,
        arguments="{'load_versions': {'x': '../x'}}",
        says=("Version string '../x' is not allowed.",),
    ),
    catalog(
        "CAT-36",
        "saving while another version loads",
        _VERSIONED,
        "catalog.save('x', [1])",
        seed=_SEED,
        arguments="{'load_versions': {'x': 'v1'}, 'save_version': 'v0'}",
        compare=("error", "files", "warnings"),
    ),
    catalog(
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
    catalog(
        "CAT-37",
        "pins of unknown names",
        _VERSIONED + "\n'{n}': {type: MemoryDataset}",
        "pass",
        arguments="{'load_versions': {'zz': 'v', 'yy': 'v', 'x': 'v1'}}",
        says=("'load_versions' keys [yy, zz] are not found in the catalog.",),
    ),
    catalog(
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
    catalog(
        "CAT-38",
        "a version by the way",
        _VERSIONED + "\nm: {type: MemoryDataset, data: 1}",
        "return [catalog.load('x', version='v1'), catalog.load('x'), catalog.load('m', version='v1')]",
        seed=_SEED,
    ),
    catalog(
        "CAT-39",
        "one save version",
        _VERSIONED,
        """
        from pathlib import PurePosixPath
        from kedro_datasets.json import JSONDataset
        catalog['x']
        catalog['n'] = JSONDataset(filepath='n.json', version=Version(None, 'OTHER'))
        """,
        arguments=AT,
        says=("Cannot add a dataset `n` with `OTHER` save version",),
    ),
    catalog(
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
    catalog(
        "CAT-3",
        "versions of patterns",
        "'{n}': {type: json.JSONDataset, filepath: 'data/{n}.json', versioned: true}",
        """
        catalog.save('a', 1)
        catalog.save('b', 2)
        return [catalog.load('a'), catalog.load('b')]
        """,
        arguments=AT,
    ),
)

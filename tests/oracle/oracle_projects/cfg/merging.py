"""Files, environments and runtime parameters combine (CFG-21 to CFG-37)."""

from oracle_projects.cfg.cases import BASE, CATALOG, GLOBALS, LOCAL, config, runtime

COMBINING = (
    config(
        "CFG-21",
        "files of one environment are one before interpolation",
        {BASE: "a: ${b.c}", "base/parameters_b.yml": "b: {c: 5}"},
    ),
    config("CFG-22", "mappings of two files merge", {BASE: "a: {x: 1}", "base/parameters_b.yml": "a: {y: 2}"}),
    config(
        "CFG-22",
        "the same leaf in two files",
        {BASE: "a: {x: 1}", "base/parameters_b.yml": "a: {x: 2}"},
        says=("Duplicate keys found in", "parameters.yml", "parameters_b.yml", ": a.x"),
    ),
    config("CFG-22", "lists are leaves", {BASE: "a: [1]", "base/parameters_b.yml": "a: [2]"}, says=(": a",)),
    config("CFG-22", "empty mappings clash with nothing", {BASE: "a: {}", "base/parameters_b.yml": "a: {}"}),
    config(
        "CFG-23",
        "other kinds may not share a top-level key",
        {CATALOG: "a: {type: MemoryDataset}", "base/catalog_b.yml": "a: {data: 1}"},
        value="loader['catalog']",
        says=("Duplicate keys found in", "catalog_b.yml", ": a"),
    ),
    config(
        "CFG-24",
        "hidden keys are exempt",
        {CATALOG: "_a: {k: 1}\nx: {type: MemoryDataset}", "base/catalog_b.yml": "_a: {k: 1}"},
        value="loader['catalog']",
    ),
    config(
        "CFG-25",
        "many duplicates are cut",
        {
            BASE: "\n".join(f"key_{n:02}: 1" for n in range(30)),
            "base/parameters_b.yml": "\n".join(f"key_{n:02}: 1" for n in range(30)),
        },
        says=(
            ": key_00, key_01, key_02",
            "key_11, key_...",
        ),
    ),
    config("CFG-27", "environments are resolved apart", {BASE: "a: 1\nb: ${a}", LOCAL: "a: 2"}),
    config(
        "CFG-27",
        "the run environment cannot see the base",
        {BASE: "a: 1", LOCAL: "b: ${a}"},
        says=("Interpolation key 'a' not found",),
    ),
    config("CFG-28", "keys are replaced whole", {BASE: "a: {x: 1, y: 2}\nb: 3", LOCAL: "a: {x: 9}"}),
    *(
        config(
            "CFG-29",
            f"soft merging of {key}",
            {f"base/{key}.yml": "a: {x: 1, y: {z: 1, w: [1, 2]}}\nb: 3", f"local/{key}.yml": "a: {x: 9, y: {w: [3]}}"},
            arguments=f"{{'merge_strategy': {{'{key}': 'Soft'}}}}",
            value=f"loader['{key}']",
        )
        for key in ("parameters", "catalog", "credentials", "globals")
    ),
    config(
        "CFG-29",
        "an unknown strategy",
        {BASE: "a: 1"},
        arguments="{'merge_strategy': {'parameters': 'weird'}}",
        says=("Merging strategy weird not supported",),
    ),
    config(
        "CFG-30",
        "hidden keys at the top stay in parameters only",
        {
            BASE: "_a: 1\nb: {_c: 2}",
            CATALOG: "_a: {k: 1}\nb: {type: MemoryDataset, _c: 2}",
            GLOBALS: "_a: 1\nb: {_c: 2}",
        },
        value="[loader['parameters'], loader['catalog'], loader['globals']]",
    ),
    config(
        "CFG-26",
        "a mapping in one file and a number in another",
        {BASE: "a: {x: 1}", "base/parameters_b.yml": "a: 2"},
        ours={"value": None, "error": "ValueError", "message": "Duplicate keys found in"},
        why="Q-12",
    ),
)

RUNTIME = (
    runtime(
        "CFG-31",
        "values are laid over, keys are added",
        {BASE: "a: {b: 1, c: 2}\nd: [1, 2]"},
        "{'a': {'b': 9}, 'd': [3], 'e': 5, 'a.b': 7}",
    ),
    runtime(
        "CFG-31", "none and other types replace", {BASE: "a: {b: 1}\nc: 2\nd: 3"}, "{'a': 5, 'c': {'x': 1}, 'd': None}"
    ),
    runtime(
        "CFG-32",
        "nothing is lost without parameters of the run environment",
        {BASE: "b: {c: 2, d: 3}"},
        "{'b': {'z': 7}}",
    ),
    runtime(
        "CFG-32",
        "siblings are kept with parameters of the run environment",
        {BASE: "b: {c: 2, d: 3}", LOCAL: "q: 1"},
        "{'b': {'z': 7}}",
        ours={"value": {"b": {"c": 2, "d": 3, "z": 7}, "q": 1}},
        why="Q-13",
    ),
    config(
        "CFG-32",
        "softly nothing is lost",
        {BASE: "b: {c: 2, d: 3}", LOCAL: "q: 1"},
        arguments="{'runtime_params': {'b': {'z': 7}}, 'merge_strategy': {'parameters': 'soft'}}",
    ),
    runtime("CFG-33", "what refers to an overridden key sees it", {BASE: "a: 1\nb: ${a}"}, "{'a': 5}"),
    runtime(
        "CFG-34",
        "no other kind is touched",
        {CATALOG: "a: {type: MemoryDataset}"},
        "{'a': 5}",
        value="loader['catalog']",
    ),
    runtime(
        "CFG-35",
        "strings are interpolated",
        {BASE: "b: 4", GLOBALS: "secret: 7"},
        "{'a': '${b}', 'g': '${globals:secret}'}",
    ),
    runtime("CFG-36", "types of values", {BASE: "b: 4"}, "{'l': [1], 'd': {'x': 1.5}, 'n': None, 't': True}"),
    runtime(
        "CFG-36",
        "tuples become lists",
        {BASE: "b: 4"},
        "{'a': (1, (2,))}",
        ours={"value": {"b": 4, "a": [1, [2]]}},
        why="CFG-36",
    ),
    runtime(
        "CFG-36",
        "opaque objects are literals",
        {BASE: "b: 4"},
        "{'a': __import__('datetime').date(2020, 1, 1)}",
        ours={"value": {"b": 4, "a": {"object": "datetime.date(2020, 1, 1)"}}, "error": None},
        why="Q-15",
    ),
    runtime(
        "CFG-37", "no parameters at all", {BASE: None}, "{'a': 1}", says=("No files of YAML or JSON format found",)
    ),  # type: ignore[dict-item]
)

"""Dataset factories (CAT-17 to CAT-29)."""

from oracle_projects.cat.cases import LOAD, catalog

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
    catalog(
        "CAT-17 CAT-19",
        "the most specific pattern wins",
        _SORTED,
        """
names = ["a.int_b", "x_q_raw", "p_q_raw", "x__raw", "foo", "_raw", "a.b.c", "explicit_raw"]
return [catalog.config_resolver.list_patterns(), {name: catalog.load(name) for name in names}]
""",
        ours=None,
    ),
    catalog(
        "CAT-18",
        "regular expressions are literal and repeated names equal",
        "'{a}+{a}': {type: MemoryDataset, data: '{a}'}",
        "return [catalog.load('p+p'), 'p+q' in catalog, 'ppp' in catalog]",
    ),
    catalog(
        "CAT-18",
        "case",
        "'{a}_X': {type: MemoryDataset, data: '{a}'}",
        "return 'q_x' in catalog",
        ours={"value": False},
        why="Q-22",
    ),
    catalog(
        "CAT-20",
        "two catch-alls",
        "'{a}': {type: MemoryDataset}\n'{b}': {type: MemoryDataset}",
        LOAD,
        says=("Multiple catch-all patterns found in the catalog: {a}, {b}",),
    ),
    catalog(
        "CAT-21",
        "a name that the pattern lacks",
        "'{a}_x': {type: MemoryDataset, data: '{b}'}",
        LOAD,
        says=(
            "Incorrect dataset configuration provided. Keys used in the configuration {'{b}'} should present",
            "in the dataset pattern name {a}_x",
        ),
    ),
    catalog(
        "CAT-22",
        "names are filled in everywhere but in keys",
        "'{a}_x': {type: custom.Shown, args: {'k{a}': ['{a}', {z: 'q{a}q'}], n: 5}}",
        "return catalog.load('p_x')",
    ),
    catalog(
        "CAT-22",
        "names are filled into types",
        "'{a}_{kind}': {type: '{kind}.JSONDataset', filepath: '{a}.json'}",
        """
        catalog.save('p_json', [1])
        return catalog.get_type('p_json')
        """,
    ),
    catalog(
        "CAT-22",
        "a stray brace",
        "'{a}_x': {type: MemoryDataset, data: 'b}'}",
        "return catalog.load('p_x')",
        says=("Single '}' encountered in format string",),
    ),
    catalog(
        "CAT-23",
        "the catch-all says that it was used",
        "'{name}': {type: MemoryDataset, data: 1}",
        "return catalog.load('foo')",
        logs=("Config from the dataset pattern .* will be used to override .*",),
    ),
    catalog(
        "CAT-24",
        "an entry called default",
        "'{default}': {type: MemoryDataset, data: 1}",
        "return [catalog.config_resolver.list_patterns(), catalog.load('x')]",
    ),
    catalog(
        "CAT-26",
        "membership and registration",
        "a: {type: MemoryDataset}\n'{n}_x': {type: MemoryDataset}",
        """
        before = ['p_x' in catalog, 'a' in catalog, 'q' in catalog, list(catalog.keys())]
        catalog['p_x']
        return [before, list(catalog.keys())]
        """,
    ),
    catalog("CAT-26", "a catch-all knows every name", "'{n}': {type: MemoryDataset}", "return 'anything' in catalog"),
    catalog(
        "CAT-27",
        "a pattern without a type fails when it is used",
        "'{n}_x': {data: 1}",
        "return project.raised(catalog.load, 'a_x')['error']",
    ),
    catalog(
        "CAT-29",
        "patterns are listed with the default",
        "'{n}_x': {type: MemoryDataset}\n'{a}.{b}': {type: MemoryDataset}",
        "return catalog.config_resolver.list_patterns()",
    ),
)

"""References and resolvers (CFG-38 to CFG-55)."""

from oracle_projects.cfg.cases import BASE, CATALOG, GLOBALS, config, runtime

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
    config("CFG-38 CFG-39", "references", {BASE: _GRAMMAR.replace(', "${a.${.key}}"', "")}),
    config("CFG-40", "nested references", {BASE: "m: {p: 1, q: 2}\nwhich: q\nv: ${m.${which}}\nw: ${${x}}\nx: which"}),
    config("CFG-41", "keys are never interpolated", {BASE: "a: 1\n'${a}': 2"}),
    config(
        "CFG-43",
        "single braces are text",
        {CATALOG: "'{name}_x': {type: MemoryDataset, data: '{name}'}"},
        value="loader['catalog']",
    ),
    *(
        config("CFG-42", name, {BASE: text}, says=says)
        for name, text, says in (
            ("an unknown key", "a: {b: '${nope}'}", ("Interpolation key 'nope' not found", "full_key: a.b")),
            ("a circle", "a: ${b}\nb: ${a}", ("Recursive interpolation detected",)),
            ("nothing to refer to", "a: ${}", ("a",)),
            ("an open brace", "a: ${b", ("a",)),
            ("an unknown resolver", "a: ${nores:1}", ("Unsupported interpolation type nores",)),
        )
    ),
    config(
        "CFG-44",
        "built-in resolvers",
        {
            BASE: """
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
    config(
        "CFG-45",
        "globals",
        {
            GLOBALS: "x: 1\nn: null\nz: 0\nm: {l: [5, 6], _h: 3}",
            "local/globals.yml": "x: 2",
            BASE: """
            plain: ['${globals:x}', '${globals:n,4}', '${globals:z,4}', '${globals:no,d}']
            deep: ['${globals:m.l.1}', '${globals:m._h}', '${globals:m}']
            """,
        },
    ),
    config(
        "CFG-45",
        "a missing global",
        {BASE: "a: ${globals:y}"},
        says=("Globals key 'y' not found and no default value provided.",),
    ),
    config(
        "CFG-46",
        "a hidden global",
        {BASE: "a: ${globals:_x,1}", GLOBALS: "_x: 2"},
        says=("Keys starting with '_' are not supported for globals.",),
    ),
    config("CFG-47", "brackets in paths of globals", {BASE: "a: ${globals:l[1]}", GLOBALS: "l: [1, 2]"}, says=("a",)),
    config(
        "CFG-48",
        "defaults",
        {
            BASE: """
            plain: ['${globals:n,1}', '${globals:n,true}', '${globals:n,null}', '${globals:n,a b}']
            quoted: ["${globals:n,'q'}", "${globals:n,''}", '${globals:n,s3://b/k}']
            deep: ['${globals:n,[1,2]}', '${globals:n,{k: 1}}', '${globals:n,${b}}']
            b: 7
            """
        },
    ),
    config("CFG-49", "globals refer to each other", {GLOBALS: "x: 1\ny: ${x}"}, value="loader['globals']"),
    config(
        "CFG-49",
        "globals know no runtime parameters",
        {GLOBALS: "x: ${runtime_params:r,1}"},
        value="loader['globals']",
        says=("The `runtime_params:` resolver is not supported for globals.",),
    ),
    config(
        "CFG-49",
        "globals within globals",
        {GLOBALS: "x: ${globals:y,1}"},
        value="loader['globals']",
        ours={"error": "InterpolationResolutionError", "message": "refer to them as"},
        why="Q-16",
    ),
    config(
        "CFG-49",
        "globals know no environment",
        {GLOBALS: "x: ${oc.env:HOME}"},
        value="loader['globals']",
        says=("oc.env",),
    ),
    runtime(
        "CFG-50",
        "runtime parameters",
        {
            BASE: """
            a: ['${runtime_params:r}', '${runtime_params:m.k}', '${runtime_params:n,4}', '${runtime_params:no,${b}}']
            b: 3
            """,
            CATALOG: "x: {type: MemoryDataset, data: '${runtime_params:r}'}",
            "base/credentials.yml": "c: '${runtime_params:r,1}'",
        },
        "{'r': 1.5, 'm': {'k': [1]}, 'n': None}",
        value="[loader['parameters'], loader['catalog'], loader['credentials']]",
    ),
    config(
        "CFG-50",
        "a missing runtime parameter",
        {BASE: "a: ${runtime_params:z}"},
        says=("Runtime parameter 'z' not found and no default value provided.",),
    ),
    config(
        "CFG-51",
        "the environment in credentials",
        {"base/credentials.yml": "a: {b: '${oc.env:SECRET}', c: '${oc.env:NOPE_ZZ,d}', e: '${oc.env:NUMBER}'}"},
        value="loader['credentials']",
        environ={"SECRET": "s3cret", "NUMBER": "12"},
    ),
    config("CFG-51", "the environment elsewhere", {BASE: "a: ${oc.env:HOME}"}, says=("oc.env",)),
    config(
        "CFG-51",
        "a missing variable",
        {"base/credentials.yml": "a: ${oc.env:NOPE_ZZ}"},
        value="loader['credentials']",
        says=("Environment variable 'NOPE_ZZ' not found",),
    ),
    config(
        "CFG-52",
        "credentials of several files cannot refer to each other",
        {"base/credentials.yml": "a: 1", "base/credentials_b.yml": "b: ${a}"},
        value="loader['credentials']",
        says=("Interpolation key 'a' not found",),
    ),
    config(
        "CFG-54",
        "custom resolvers",
        {
            BASE: """
        a: ${add:1,2}
        b: ${day:2020}
        c: '${same:{k: [1]}}'
        d: '${join:a,b}'
        """
        },
        arguments="{'custom_resolvers': {'add': lambda *n: sum(n), 'same': lambda x: x, 'join': lambda *w: '+'.join(w),"
        " 'day': lambda y: __import__('datetime').date(y, 1, 1)}}",
    ),
    config(
        "CFG-54",
        "a custom resolver that fails",
        {BASE: "a: ${bad:1}"},
        arguments="{'custom_resolvers': {'bad': lambda x: 1 / 0}}",
        says=("division by zero",),
    ),
    config(
        "CFG-54",
        "the environment everywhere by a resolver",
        {BASE: "a: ${oc.env:SECRET}"},
        arguments="{'custom_resolvers': {'oc.env': lambda name: __import__('os').environ[name]}}",
        environ={"SECRET": "x"},
    ),
    config(
        "CFG-53",
        "the environment after credentials that failed",
        {BASE: "a: ${oc.env:HOME}", "base/credentials.yml": "a: ${oc.env:NOPE_ZZ}"},
        value="[project.raised(loader.__getitem__, key).get('error') for key in ('credentials', 'parameters')]",
        environ={"HOME": "/home"},
        ours={"value": ["InterpolationResolutionError", "UnsupportedInterpolationType"]},
        why="Q-17",
    ),
    config(
        "CFG-54",
        "resolvers of two loaders",
        {BASE: "a: ${mine:1}"},
        value="[OmegaConfigLoader(str(project.path / 'conf'), **arguments, custom_resolvers={'mine': lambda x, n=n: n})"
        "['parameters'] for n in (1, 2)]",
        ours={"value": [{"a": 1}, {"a": 2}]},
        why="Q-17",
    ),
    config(
        "CFG-55",
        "globals of two loaders",
        {GLOBALS: "x: 1", BASE: "a: ${globals:x}", "prod/globals.yml": "x: 2"},
        value="[OmegaConfigLoader(str(project.path / 'conf'), **arguments, env='prod').env, loader['parameters']]",
        ours={"value": ["prod", {"a": 1}]},
        why="Q-18",
    ),
)

"""Bodies of requests to run, and the nodes that they run (SRV-16 to SRV-31)."""

from both_engines.cases import Deviation

from oracle_projects.srv.cases import EMPTY, NO_IDENTIFIER, SUCCESS, answer, failure, post, raw

_FIELDS = ("from_inputs", "to_outputs", "from_nodes", "to_nodes", "node_names", "namespaces", "pipeline_names", "tags")

BODIES = (
    post("SRV-16", "an empty object", {}),
    post("SRV-31", "all fields null", dict.fromkeys((*_FIELDS, "runner", "load_versions", "params"))),
    post("SRV-31", "all lists empty", {name: [] for name in _FIELDS}),
    post("SRV-20", "no body"),
    raw("SRV-20", "null", "null"),
    raw("SRV-20", "a list", "[]"),
    raw("SRV-20", "a text", '"x"'),
    raw("SRV-20", "broken json", "{bad"),
    raw("SRV-20", "broken json at the end", '{"a": }'),
    raw("SRV-20", "an empty body", ""),
    raw("SRV-21", "plain text", "{}", {"content-type": "text/plain"}),
    raw("SRV-21", "no content type", "{}", {}),
    raw("SRV-21", "another kind of json", "{}", {"content-type": "application/vnd.x+json"}),
    raw("SRV-21", "a form", "a=1", {"content-type": "application/x-www-form-urlencoded"}),
    post("SRV-17", "an unknown field", {"env": "prod"}),
    post("SRV-17", "two unknown fields", {"env": "prod", "conf_source": "/etc"}),
    *(post("SRV-16", f"{name} that is a text", {name: "a"}) for name in _FIELDS),
    *(
        post("SRV-16", f"{name} of numbers", {name: ["a", 1, None]})
        for name in ("tags", "node_names", "pipeline_names")
    ),
    *(
        post("SRV-18", f"is_async that is {value!r}", {"is_async": value})
        for value in (True, "true", "YES", 1, 0, 1.0, "off", "maybe", None, [], 2, 0.5, "")
    ),
    *(
        post("SRV-18", f"only_missing_outputs that is {value!r}", {"only_missing_outputs": value})
        for value in (True, "no", None, {})
    ),
    *(post("SRV-16", f"params that are {value!r}", {"params": value}) for value in ({}, [1], "x", None)),
    post("SRV-16", "versions that are numbers", {"load_versions": {"out": 1}}),
    post("SRV-16", "versions that are a list", {"load_versions": ["out"]}),
    *(
        post("SRV-19", f"the runner {name!r}", {"runner": name}, says=NO_IDENTIFIER if name != 5 else ())
        for name in ("", "bad-name!", ".runner", "1bad", "Séq", "a..b", 5)
    ),
    post(
        "SRV-19",
        "a runner with a newline behind it",
        {"runner": "SequentialRunner\n"},
        deviation=Deviation(
            why="Q-24",
            ours=answer(
                {
                    "detail": [
                        {
                            "type": "value_error",
                            "loc": ["body", "runner"],
                            "input": "SequentialRunner\n",
                            "ctx": {"error": {}},
                        }
                    ]
                },
                422,
                message=NO_IDENTIFIER[0],
            ),
        ),
    ),
    post(
        "SRV-20",
        "several problems",
        {"tags": 5, "is_async": "x", "zz": 1, "runner": "-"},
        says=(*NO_IDENTIFIER, "Input should be a valid list", "Extra inputs are not permitted"),
    ),
    raw("SRV-22", "a number that is none", '{"params": {"a": NaN}}'),
    raw("SRV-22", "a key twice", '{"is_async": "maybe", "is_async": false}'),
)

RUNS = (
    post("SRV-31", "two pipelines", {"pipeline_names": ["calc", "__default__"]}),
    post("SRV-24 SRV-28", "params", {"params": {"a": 10}}),
    post("SRV-31", "versions of what is not run", {"load_versions": {"out": "../../etc"}}),
    post("SRV-14 SRV-30", "an unknown pipeline", {"pipeline_names": ["nope"]}),
    post("SRV-30", "an unknown pipeline that is close", {"pipeline_names": ["calcc"]}),
    post("SRV-30", "an unknown node", {"node_names": ["nope"]}),
    post("SRV-30", "a tag that nothing has", {"tags": ["zzz"]}, says=EMPTY),
    post("SRV-30", "from a node that lacks inputs", {"from_nodes": ["double"]}),
    post("SRV-30", "from an unknown dataset", {"from_inputs": ["nope"]}),
    post("SRV-31", "to an output", {"to_outputs": ["s"]}),
    post("SRV-30", "an unknown namespace", {"namespaces": ["nope"]}),
    post("SRV-30", "versions of an unknown name", {"load_versions": {"nope": "v1"}}),
    post("SRV-30", "params of the wrong type", {"params": {"a": "text"}}),
    post("SRV-31", "nested params", {"params": {"x": {"y": [1, 2, {"z": None}]}}}),
    post("SRV-30", "a node twice", {"node_names": ["add", "add"]}, deviation=Deviation(why="Q-26", ours=SUCCESS)),
    post(
        "SRV-30",
        "params that would be interpolated",
        {"params": {"a": "${nope}"}},
        deviation=Deviation(why="Q-14", ours=failure("TypeError", 'can only concatenate str (not "int") to str')),
    ),
    *(
        post("SRV-25 SRV-26", f"the runner {name}", {"runner": name})
        for name in (
            "NopeRunner",
            "os.path.join",
            "kedro.runnerx.Foo",
            "kedro.runner.Task",
            "{package}.runners.My",
            "{package}.own.NoAsync",
            "{package}.own.Own",
            "{package}.own.NotOne",
            "kedro.runner.sequential_runner.SequentialRunner",
            "kedro.runner.ThreadRunner",
        )
    ),
    post("SRV-27", "threads that are asynchronous", {"runner": "ThreadRunner", "is_async": True}),
    post("SRV-27", "processes", {"runner": "ParallelRunner"}),
    post("SRV-26", "an abstract runner", {"runner": "AbstractRunner"}),
)

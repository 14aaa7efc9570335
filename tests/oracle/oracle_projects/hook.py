"""HOOK: which hooks are called, in which order and with what; what they may change; what they may break."""

import textwrap
from typing import Any

from both_engines.cases import Case, Deviation, Project, Run, Script, project_files

RECORDED = '''
"""Hooks that write down how they are called."""

import threading
import types
from kedro.framework.hooks import hook_impl

CALLS = []
_LOCK = threading.Lock()

def show(value):
    """Return a text that says the same of the same thing on every engine."""
    if hasattr(value, "func") and hasattr(value, "inputs"):
        return f"Node:{value.name}"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {show(value[key])}" for key in value) + "}"
    if isinstance(value, types.GeneratorType):
        return "<generator>"
    if isinstance(value, BaseException):
        return f"error({value})"
    if type(value).__module__.partition(".")[0] in ("kedro", "kedro_asgi"):
        return f"<{type(value).__name__}>"
    return repr(value)

def note(hook, **arguments):
    with _LOCK:
        CALLS.append(f"{hook}(" + ", ".join(f"{key}={show(value)}" for key, value in arguments.items()) + ")")

class Recorder:
    @hook_impl
    def after_context_created(self, context):
        note("after_context_created", env=context.env)

    @hook_impl
    def after_catalog_created(self, catalog, conf_catalog, conf_creds, parameters, save_version, load_versions):
        note(
            "after_catalog_created",
            conf_catalog=conf_catalog,
            conf_creds=conf_creds,
            parameters=parameters,
            save_version=save_version,
            load_versions=load_versions,
        )

    @hook_impl
    def before_pipeline_run(self, run_params, pipeline, catalog):
        note(
            "before_pipeline_run",
            nodes=[node.name for node in pipeline.nodes],
            pipeline_names=run_params["pipeline_names"],
        )

    @hook_impl
    def after_pipeline_run(self, run_params, run_result, pipeline, catalog):
        note(
            "after_pipeline_run",
            run_id=run_params["run_id"],
            run_result={name: run_result[name].load() for name in sorted(run_result)},
        )

    @hook_impl
    def on_pipeline_error(self, error, run_params, pipeline, catalog):
        note("on_pipeline_error", error=error, run_id=run_params["run_id"])

    @hook_impl
    def before_node_run(self, node, catalog, inputs, is_async, run_id):
        note("before_node_run", node=node, inputs=inputs, is_async=is_async, run_id=run_id)

    @hook_impl
    def after_node_run(self, node, catalog, inputs, outputs, is_async, run_id):
        note("after_node_run", node=node, inputs=inputs, outputs=outputs, is_async=is_async, run_id=run_id)

    @hook_impl
    def on_node_error(self, error, node, catalog, inputs, is_async, run_id):
        note("on_node_error", error=error, node=node, inputs=inputs, is_async=is_async, run_id=run_id)

    @hook_impl
    def before_dataset_loaded(self, dataset_name, node):
        note("before_dataset_loaded", dataset_name=dataset_name, node=node)

    @hook_impl
    def after_dataset_loaded(self, dataset_name, data, node):
        note("after_dataset_loaded", dataset_name=dataset_name, data=data, node=node)

    @hook_impl
    def before_dataset_saved(self, dataset_name, data, node):
        note("before_dataset_saved", dataset_name=dataset_name, data=data, node=node)

    @hook_impl
    def after_dataset_saved(self, dataset_name, data, node):
        note("after_dataset_saved", dataset_name=dataset_name, data=data, node=node)
'''
_NODES = """
def add(x, y):
    return x + y

def two(s):
    return s, 2 * s

def boom(s):
    raise ValueError(f"no {s}")

def gen(x):
    for number in range(2):
        yield number

def gen2(x):
    for number in range(2):
        yield number, 10 * number

def listed(x):
    return [x]

def wrong(x):
    return [x]
"""
_REGISTRY = """
from kedro.pipeline import Pipeline, node
from {package}.nodes import *

def register_pipelines():
    first = node(add, ["params:a", "params:b"], "s", name="add")
    return {
        "__default__": Pipeline([first, node(two, "s", ["d", "e"], name="two")]),
        "fail": Pipeline([first, node(boom, "s", "z", name="boom"), node(two, "z", ["y", "x"], name="last")]),
        "gen": Pipeline([node(gen, "params:a", "g", name="gen")]),
        "gen2": Pipeline([node(gen2, "params:a", ["g1", "g2"], name="gen2")]),
        "unmet": Pipeline([node(add, ["params:a", "zz"], "s", name="add")]),
        "bad_load": Pipeline([node(listed, "absent", "l", name="listed")]),
        "bad_save": Pipeline([node(two, "params:a", ["ok", "stuck"], name="two")]),
        "bad_shape": Pipeline([node(wrong, "params:a", ["p", "q"], name="wrong")]),
        "bad_dataset": Pipeline([node(listed, "params:a", "broken", name="listed")]),
        "list": Pipeline([node(listed, "params:a", "l", name="listed")]),
    }
"""
_CATALOG = """
absent: {type: json.JSONDataset, filepath: data/absent.json}
stuck: {type: json.JSONDataset, filepath: data/file/stuck.json}
ok: {type: json.JSONDataset, filepath: data/ok.json, credentials: key}
broken: {type: nope.Nope}
"""


def _files(settings: str, hooks: str = "") -> dict[str, str | None]:
    return {
        "src/{package}/settings.py": settings,
        "src/{package}/hooks.py": hooks,
        "src/{package}/recorded.py": RECORDED,
        "src/{package}/nodes.py": _NODES,
        "conf/base/parameters.yml": "a: 1\nb: 2",
        "conf/base/catalog.yml": _CATALOG.replace(", credentials: key", ""),
        "data/file": "this is no folder",
    }


_RECORDING = "from {package}.recorded import Recorder\nHOOKS = (Recorder(),)"
_ALL = ("value", "error", "files", "hooks")
_RUN_ID = "2030-01-01T00.00.00.000Z"


def _run(
    rule: str, name: str, pipeline: str, *, runner: str | None = None, more: dict[str, Any] | None = None, **facts: Any
) -> Case:
    arguments = {"pipeline_names": [pipeline], "run_id": _RUN_ID, **(more or {})}
    return Case(rule=rule, name=name, call=Run(arguments=arguments, runner=runner), **{"compare": _ALL, **facts})


_SEQUENCE_OF_THE_PARENT = [
    "after_context_created(env=None)",
]

SEQUENCES = Project(
    name="hooked",
    files=project_files(_REGISTRY, _files(_RECORDING)),
    cases=(
        _run("HOOK-4", "a run", "__default__"),
        Case(rule="HOOK-4", name="a single run", call=Run(session="single"), compare=_ALL),
        _run("HOOK-5", "a node that fails", "fail"),
        _run(
            "HOOK-4 RUN-20",
            "an asynchronous run of one input and one output",
            "list",
            runner="SequentialRunner(is_async=True)",
        ),
        _run("HOOK-4", "a run in threads", "__default__", runner="ThreadRunner(max_workers=1)"),
        _run("RUN-15", "a generator", "gen"),
        _run("RUN-15", "a generator with two outputs", "gen2"),
        _run("HOOK-7", "an unknown pipeline", "nope"),
        _run(
            "HOOK-7",
            "a filter that leaves nothing",
            "list",
            more={"tags": ["zz"]},
            says=("Pipeline contains no nodes after applying all provided filters",),
        ),
        _run("HOOK-7", "unmet inputs", "unmet"),
        _run(
            "HOOK-6",
            "a load that fails",
            "bad_load",
            says=("absent: Failed while loading data from dataset",),
            compare=("error", "files"),
        ),
        _run("HOOK-6", "a save that fails", "bad_save", compare=("error", "files"), says=("data/file",)),
        _run(
            "HOOK-6",
            "outputs of the wrong shape",
            "bad_shape",
            compare=("error", "files"),
            says=("The node function returned 1 output(s), whereas the node definition contains 2 output(s).",),
        ),
        _run(
            "HOOK-6",
            "a dataset that cannot be made",
            "bad_dataset",
            compare=("error", "files"),
            says=("No module named 'nope'",),
        ),
        *(
            Case(
                rule="HOOK-6",
                name=f"which hooks see it: {pipeline}",
                call=Script(
                    body=f"""
                    import importlib
                    raised = project.raised(project.service().run, pipeline_names=["{pipeline}"])
                    calls = importlib.import_module("{{package}}.recorded").CALLS
                    return [raised["error"], [call.partition("(")[0] for call in calls]]
                    """
                ),
                compare=("value",),
            )
            for pipeline in ("bad_load", "bad_save", "bad_shape", "bad_dataset")
        ),
        Case(
            rule="HOOK-7",
            name="a catalog that cannot be made",
            call=Run(),
            files={"conf/base/catalog_more.yml": "bad: 5"},
            says=("Catalog entry 'bad' is not a valid dataset configuration",),
            compare=_ALL,
        ),
        Case(
            rule="HOOK-17 CAT-12",
            name="what after_catalog_created is told",
            call=Run(
                arguments={"run_id": _RUN_ID, "load_versions": {"v": "v1"}, "runtime_params": {"a": 5, "n": {"m": 1}}}
            ),
            files={
                "conf/base/catalog.yml": _CATALOG
                + "v: {type: json.JSONDataset, filepath: data/v.json, versioned: true}\n"
                + "'{p}_x': {type: json.JSONDataset, filepath: 'data/{p}'}\n",
                "conf/local/credentials.yml": "key: {user: me}",
            },
            compare=_ALL,
        ),
        *(
            Case(
                rule="HOOK-8",
                name=f"a parallel run, in the parent{after}",
                call=Script(
                    body=f"""
                    import importlib
                    from kedro.runner import ParallelRunner
                    runner = ParallelRunner(max_workers=1)
                    session = project.service()
                    session.run(runner=runner{arguments})
                    calls = importlib.import_module("{{package}}.recorded").CALLS
                    wanted = ("context", "catalog", "pipeline")
                    return [call.partition("(")[0] for call in calls if call.partition("(")[0].split("_")[1] in wanted]
                    """
                ),
                compare=("value", "error"),
            )
            for after, arguments in (("", ""),)
        ),
    ),
    varied={"a": (1, 2, 3), "b": (4, 5)},
)


_IMPORTS = """
from kedro.framework.hooks import hook_impl
from {package}.recorded import CALLS, note
"""


def _hooks(rule: str, name: str, hooks: str, call: Any = None, *, settings: str = "", **facts: Any) -> Case:
    """A case with hooks of its own, next to the recorder, which is registered first and so called last."""
    files = {
        "src/{package}/hooks.py": _IMPORTS + textwrap.dedent(hooks),
        "src/{package}/settings.py": settings or "from {package}.hooks import *\nHOOKS = (First(),)",
    }
    return Case(
        rule=rule, name=name, call=call or Run(arguments={"run_id": _RUN_ID}), files=files, **{"compare": _ALL, **facts}
    )


_K = """
class K:
    def __init__(self, name, value=None):
        self.name, self.value = name, value

    @hook_impl
    def before_node_run(self, node):
        note(self.name, node=node)
        return {"params:a": self.value} if self.value is not None and node.name == "add" else None
"""
_LISTED = "from {package}.hooks import *\nHOOKS = ({hooks})"


def _raising(hook: str, arguments: str) -> str:
    return f"""
class First:
    @hook_impl
    def {hook}(self{arguments}):
        note("{hook}")
        raise LookupError("no luck")

    @hook_impl
    def on_pipeline_error(self, error):
        note("saw", error=error)

    @hook_impl
    def on_node_error(self, error):
        note("node saw", error=error)
"""


CHANGES = Project(
    name="hooks",
    files=project_files(_REGISTRY, _files("", "")),
    cases=(
        _hooks(
            "HOOK-9",
            "the last registered is called first",
            _K,
            settings=_LISTED.replace("{hooks}", "K('1'), K('2'), K('3')"),
        ),
        _hooks(
            "HOOK-9",
            "first and last on request",
            _K
            + """
class T(K):
    @hook_impl(tryfirst=True)
    def before_node_run(self, node):
        note("first", node=node)

class L(K):
    @hook_impl(trylast=True)
    def before_node_run(self, node):
        note("last", node=node)
""",
            settings=_LISTED.replace("{hooks}", "T('t'), K('1'), L('l'), K('2')"),
        ),
        _hooks(
            "HOOK-9",
            "wrappers",
            _K
            + """
class W:
    @hook_impl(wrapper=True)
    def before_node_run(self, node):
        note("before", node=node)
        answers = yield
        note("after", answers=answers)
        return answers

class H:
    @hook_impl(hookwrapper=True)
    def after_node_run(self, node):
        note("old before", node=node)
        outcome = yield
        note("old after", result=outcome.get_result())
""",
            settings=_LISTED.replace("{hooks}", "W(), H(), K('1', 7)"),
        ),
        _hooks(
            "HOOK-11",
            "of several replacements the first registered wins",
            _K,
            settings=_LISTED.replace("{hooks}", "K('1', 10), K('2', 20)"),
        ),
        _hooks(
            "HOOK-11",
            "a replacement of what is no input",
            """
            class First:
                @hook_impl
                def before_node_run(self, node): return {'zz': 1}
            """,
            says=("expected 2 input(s) ['params:a', 'params:b'], but got the following 3 input(s) instead",),
        ),
        *(
            _hooks(
                "HOOK-11",
                f"a replacement that is {value}",
                f"""
                class First:
                    @hook_impl
                    def before_node_run(self): return {value}
                """,
                says=(
                    "'before_node_run' must return either None or a dictionary mapping dataset names to updated values",
                ),
            )
            for value in ("False", "[1]", "5")
        ),
        _hooks(
            "HOOK-12",
            "inputs that are assigned to and outputs that are",
            """
            class First:
                @hook_impl
                def before_node_run(self, inputs): inputs['params:a'] = 99
                @hook_impl
                def after_node_run(self, node, outputs):
                    if node.name == 'add': outputs['s'] = 50
            """,
        ),
        _hooks(
            "HOOK-12",
            "an object in the inputs that is changed",
            """
            class First:
                @hook_impl
                def before_node_run(self, node, inputs):
                    if node.name == 'add': inputs['params:b'].append(5)
            """,
            Run(arguments={"runtime_params": {"a": [1], "b": [2]}, "run_id": _RUN_ID}),
        ),
        _hooks(
            "HOOK-13",
            "a catalog that is changed when it is made",
            """
            class First:
                @hook_impl
                def after_catalog_created(self, catalog): catalog['params:a'] = 500
            """,
        ),
        _hooks(
            "HOOK-13",
            "a catalog that is changed before the run",
            """
            class First:
                @hook_impl
                def before_pipeline_run(self, catalog): catalog['params:a'] = 500
            """,
        ),
        _hooks(
            "HOOK-13",
            "parameters that are set",
            """
            class First:
                @hook_impl
                def after_context_created(self, context): context.config_loader['parameters'] = {'a': 7, 'b': 8}
            """,
        ),
        _hooks(
            "HOOK-13",
            "a catalog that is set",
            """
            class First:
                @hook_impl
                def after_context_created(self, context):
                    context.config_loader["catalog"] = {
                        "d": {"type": "json.JSONDataset", "filepath": "data/d.json"}
                    }
            """,
        ),
        _hooks(
            "HOOK-13",
            "credentials that are set",
            """
            class First:
                @hook_impl
                def after_context_created(self, context): context.config_loader['credentials'] = {'key': 5}
                @hook_impl
                def after_catalog_created(self, conf_creds): note('creds', creds=conf_creds)
            """,
        ),
        _hooks(
            "HOOK-13",
            "attributes on a context",
            """
            class First:
                @hook_impl
                def after_context_created(self, context):
                    context.mine = 5
                    note('context', mine=context.mine, params=context.params, env=context.env)
            """,
        ),
        _hooks(
            "HOOK-13",
            "a function that is set",
            """
            class First:
                @hook_impl
                def before_pipeline_run(self, pipeline):
                    for node in pipeline.nodes:
                        if node.name == 'add': node.func = lambda x, y: 100
            """,
        ),
        _hooks(
            "HOOK-14",
            "a function that is set once",
            """
            class First:
                seen = False
                @hook_impl
                def before_pipeline_run(self, pipeline):
                    if not self.seen:
                        self.seen = True
                        for node in pipeline.nodes:
                            if node.name == 'add': node.func = lambda x, y: 100
            """,
            Script(
                body="""
            session = project.service()
            return [project.run(session)['d'] for _ in range(2)]
            """
            ),
            deviation=Deviation(why="Q-33", ours={"value": [100, 3]}),
        ),
        *(
            _hooks("HOOK-15", f"{hook} raises", _raising(hook, ", node" if hook.startswith("before_node") else ""))
            for hook in (
                "after_context_created",
                "after_catalog_created",
                "before_pipeline_run",
                "after_pipeline_run",
                "before_node_run",
                "after_node_run",
                "before_dataset_loaded",
                "after_dataset_loaded",
                "before_dataset_saved",
                "after_dataset_saved",
            )
        ),
        _hooks(
            "HOOK-15",
            "on_node_error raises",
            """
            class First:
                @hook_impl
                def on_node_error(self, error): raise LookupError('instead')
                @hook_impl
                def on_pipeline_error(self, error): note('saw', error=error)
            """,
            Run(arguments={"pipeline_names": ["fail"]}),
        ),
        _hooks(
            "HOOK-15",
            "on_pipeline_error raises",
            """
            class First:
                @hook_impl
                def on_pipeline_error(self, error): raise LookupError('instead')
            """,
            Run(arguments={"pipeline_names": ["fail"]}),
        ),
        _hooks(
            "HOOK-16",
            "what an error hook returns",
            """
            class First:
                @hook_impl
                def on_node_error(self, error): return {'z': 1}
                @hook_impl
                def on_pipeline_error(self, error): return True
            """,
            Run(arguments={"pipeline_names": ["fail"]}),
        ),
        _hooks(
            "HOOK-1",
            "an argument that no specification has",
            """
            class First:
                @hook_impl
                def before_node_run(self, nope): pass
            """,
            says=("nope", "can not be found in the hookspec"),
        ),
        _hooks(
            "HOOK-1",
            "names that are no hooks, and methods that are not marked",
            """
            class First:
                @hook_impl
                def on_tuesday(self, nope): pass
                def before_node_run(self, node): note('no')
            """,
        ),
        _hooks(
            "HOOK-10",
            "an instance twice is once",
            _K + "\none = K('1')\n",
            settings=_LISTED.replace("{hooks}", "one, one"),
        ),
        _hooks(
            "HOOK-10",
            "an instance counts over the runs of a process",
            """
            class First:
                count = 0
                @hook_impl
                def before_node_run(self):
                    self.count += 1
                    note('count', count=self.count)
            """,
            Script(body="for _ in range(2):\n    project.service().run()"),
        ),
        _hooks(
            "HOOK-12",
            "runtime parameters in run_params",
            """
            class First:
                @hook_impl
                def before_pipeline_run(self, run_params):
                    note("params", runtime_params=run_params["runtime_params"], tags=run_params["tags"])
            """,
            Run(arguments={"run_id": _RUN_ID, "runtime_params": {"a": 3}, "tags": None}),
        ),
    ),
    varied={"a": (1, 2, 3), "b": (4, 5)},
)

PROJECTS = (SEQUENCES, CHANGES)

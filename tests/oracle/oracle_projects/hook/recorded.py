"""A project whose hooks record their calls."""

RECORDED = '''
"""Hooks that record their calls."""

import threading
import types
from kedro.framework.hooks import hook_impl

CALLS = []
_LOCK = threading.Lock()

def show(value):
    """Return a text that is equal for the same value on every engine."""
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

def gen_bad(x):
    yield x
    raise LookupError("no more")

def listed(x):
    return [x]

def wrong(x):
    return [x]
"""

REGISTRY = """
from kedro.pipeline import Pipeline, node
from {package}.nodes import *

def register_pipelines():
    first = node(add, ["params:a", "params:b"], "s", name="add")
    return {
        "__default__": Pipeline([first, node(two, "s", ["d", "e"], name="two")]),
        "fail": Pipeline([first, node(boom, "s", "z", name="boom"), node(two, "z", ["y", "x"], name="last")]),
        "gen": Pipeline([node(gen, "params:a", "g", name="gen")]),
        "gen2": Pipeline([node(gen2, "params:a", ["g1", "g2"], name="gen2")]),
        "gen_bad": Pipeline([node(gen_bad, "params:a", "g", name="gen_bad")]),
        "unmet": Pipeline([node(add, ["params:a", "zz"], "s", name="add")]),
        "bad_load": Pipeline([node(listed, "absent", "l", name="listed")]),
        "bad_save": Pipeline([node(two, "params:a", ["ok", "stuck"], name="two")]),
        "bad_shape": Pipeline([node(wrong, "params:a", ["p", "q"], name="wrong")]),
        "bad_dataset": Pipeline([node(listed, "params:a", "broken", name="listed")]),
        "list": Pipeline([node(listed, "params:a", "l", name="listed")]),
    }
"""

CATALOG = """
absent: {type: json.JSONDataset, filepath: data/absent.json}
stuck: {type: json.JSONDataset, filepath: data/file/stuck.json}
ok: {type: json.JSONDataset, filepath: data/ok.json, credentials: key}
broken: {type: nope.Nope}
"""


def files(settings: str, hooks: str = "") -> dict[str, str | None]:
    return {
        "src/{package}/settings.py": settings,
        "src/{package}/hooks.py": hooks,
        "src/{package}/recorded.py": RECORDED,
        "src/{package}/nodes.py": _NODES,
        "conf/base/parameters.yml": "a: 1\nb: 2",
        "conf/base/catalog.yml": CATALOG.replace(", credentials: key", ""),
        "data/file": "this is no folder",
    }


ALL = ("value", "error", "files", "hooks")

RUN_ID = "2030-01-01T00.00.00.000Z"

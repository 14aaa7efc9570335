"""The order of several hooks, the values that they may change, and their errors (HOOK-9 to HOOK-16)."""

import textwrap
from typing import Any

from both_engines.cases import Case, Deviation, Project, Run, Script, project_files

from oracle_projects.hook.recorded import ALL, REGISTRY, RUN_ID, files

_IMPORTS = """
from kedro.framework.hooks import hook_impl
from {package}.recorded import CALLS, note
"""


def _hooks(rule: str, name: str, hooks: str, call: Any = None, *, settings: str = "", **facts: Any) -> Case:
    """Return a case with its own hooks beside the recorder, which is registered first and so called last."""
    files = {
        "src/{package}/hooks.py": _IMPORTS + textwrap.dedent(hooks),
        "src/{package}/settings.py": settings or "from {package}.hooks import *\nHOOKS = (First(),)",
    }
    return Case(
        rule=rule,
        name=name,
        call=call or Run(arguments={"run_id": RUN_ID}),
        files={**files, **(facts.pop("files", None) or {})},
        **{"compare": ALL, **facts},
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


_GLOBALS = {
    "conf/base/globals.yml": "g: 3",
    "conf/base/parameters.yml": "a: ${globals:g}\nb: 2",
    "conf/base/other.yml": "a: 5\nb: 7\no: 1",
}

CHANGES = Project(
    name="hooks",
    files=project_files(REGISTRY, files("", "")),
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
            Run(arguments={"runtime_params": {"a": [1], "b": [2]}, "run_id": RUN_ID}),
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
        *(
            _hooks(
                "HOOK-13 PAR-19",
                f"{name} is changed",
                f"""
                import threading
                class First:
                    run = threading.local()
                    @hook_impl
                    def after_context_created(self, context):
                        self.run.context = context
                        {change}
                    @hook_impl
                    def after_catalog_created(self, parameters): note("parameters", parameters=parameters)
                    @hook_impl
                    def before_pipeline_run(self): self.run.context.params['b'] = "too late"
                """,
                Run(arguments={"run_id": RUN_ID, "runtime_params": {"c": {"d": [1]}}}),
                files=_GLOBALS,
            )
            for name, change in (
                ("a parameter of the context", "context.params['a'] = 9"),
                ("a nested parameter of the context", "context.params['c']['d'].append(2)"),
                ("what parameters a context has", "context.params.update(b=5, z=6); context.params.pop('c')"),
                ("a runtime parameter", "context.config_loader.runtime_params['a'] = 77"),
                ("what runtime parameters there are", "context.config_loader.runtime_params = {'b': 8}"),
                ("which files hold parameters", "context.config_loader.config_patterns['parameters'][:] = ['other*']"),
                ("a global", "context.config_loader['globals'] = {'g': 30}"),
            )
        ),
        _hooks(
            "HOOK-13 PAR-19",
            "parameters of the context that are changed, where the default pipeline does not run",
            """
            class First:
                @hook_impl
                def after_context_created(self, context): context.params['a'] = 9
            """,
            Run(arguments={"run_id": RUN_ID, "pipeline_names": ["list"]}),
            compare=("value",),
            deviation=Deviation(why="PAR-19", ours={"value": {"l": [9]}}),
        ),
        _hooks(
            "HOOK-13 PAR-19",
            "parameters that are set to what the context has, and more",
            """
            class First:
                @hook_impl
                def after_context_created(self, context):
                    context.config_loader['parameters'] = {**context.params, 'a': 10}
            """,
            compare=("value",),
            deviation=Deviation(why="PAR-19", ours={"value": {"d": 12, "e": 24}}),
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
            "what one hook puts into run_params",
            """
            class First:
                @hook_impl
                def before_pipeline_run(self, run_params): run_params["started"] = 5
                @hook_impl
                def on_pipeline_error(self, run_params): note("failed", started=run_params["started"])
                @hook_impl
                def after_pipeline_run(self, run_params): note("ended", started=run_params["started"])
            """,
            Script(
                body="""
            session = project.service()
            failed = project.raised(session.run, pipeline_names=["fail"], run_id="two")
            return [project.run(session, run_id="one"), failed]
            """
            ),
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
            Run(arguments={"run_id": RUN_ID, "runtime_params": {"a": 3}, "tags": None}),
        ),
    ),
    varied={"a": (1, 2, 3), "b": (4, 5)},
)

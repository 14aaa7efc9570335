"""The hooks that a run calls, their order and their arguments (HOOK-4 to HOOK-8)."""

from typing import Any

from both_engines.cases import Case, Deviation, Project, Run, Script, project_files

from oracle_projects.hook.recorded import ALL, CATALOG, REGISTRY, RUN_ID, files

_RECORDING = "from {package}.recorded import Recorder\nHOOKS = (Recorder(),)"


def _run(
    rule: str, name: str, pipeline: str, *, runner: str | None = None, more: dict[str, Any] | None = None, **facts: Any
) -> Case:
    arguments = {"pipeline_names": [pipeline], "run_id": RUN_ID, **(more or {})}
    return Case(rule=rule, name=name, call=Run(arguments=arguments, runner=runner), **{"compare": ALL, **facts})


_SEEN = """
import importlib
raised = project.raised(project.service().run, pipeline_names=["PIPELINE"])
calls = importlib.import_module("{package}.recorded").CALLS
return [raised["error"], [call.partition("(")[0] for call in calls]]
"""

_PARALLEL = """
import importlib
from kedro.runner import ParallelRunner
runner = ParallelRunner(max_workers=1)
project.service().run(runner=runner)
calls = importlib.import_module("{{package}}.recorded").CALLS
names = [call.partition("(")[0] for call in calls]
return [name for name in names if name.split("_")[1] in {wanted}]
"""

SEQUENCES = Project(
    name="hooked",
    files=project_files(REGISTRY, files(_RECORDING)),
    cases=(
        _run("HOOK-2 HOOK-4 SES-6 SES-10", "a run", "__default__"),
        Case(rule="HOOK-4", name="a single run", call=Run(session="single"), compare=ALL),
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
                call=Script(body=_SEEN.replace("PIPELINE", pipeline)),
                compare=("value",),
            )
            for pipeline in ("bad_load", "bad_save", "bad_shape", "bad_dataset")
        ),
        Case(
            rule="RUN-16",
            name="which hooks see a generator that fails on its way",
            call=Script(body=_SEEN.replace("PIPELINE", "gen_bad")),
            compare=("value",),
            deviation=Deviation(
                why="Q-28",
                ours={
                    "value": [
                        "LookupError",
                        [
                            *["after_context_created", "after_catalog_created", "before_pipeline_run"],
                            *["before_dataset_loaded", "after_dataset_loaded", "before_node_run", "after_node_run"],
                            *["before_dataset_saved", "after_dataset_saved", "on_node_error", "on_pipeline_error"],
                        ],
                    ]
                },
            ),
        ),
        Case(
            rule="HOOK-7",
            name="a catalog that cannot be made",
            call=Run(),
            files={"conf/base/catalog_more.yml": "bad: 5"},
            says=("Catalog entry 'bad' is not a valid dataset configuration",),
            compare=ALL,
        ),
        Case(
            rule="HOOK-17 CAT-12",
            name="what after_catalog_created is told",
            call=Run(
                arguments={"run_id": RUN_ID, "load_versions": {"v": "v1"}, "runtime_params": {"a": 5, "n": {"m": 1}}}
            ),
            files={
                "conf/base/catalog.yml": CATALOG
                + "v: {type: json.JSONDataset, filepath: data/v.json, versioned: true}\n"
                + "'{p}_x': {type: json.JSONDataset, filepath: 'data/{p}'}\n",
                "conf/local/credentials.yml": "key: {user: me}",
            },
            compare=ALL,
        ),
        Case(
            rule="HOOK-8",
            name="a parallel run: context, catalog and pipeline",
            call=Script(body=_PARALLEL.format(wanted=("context", "catalog", "pipeline"))),
            compare=("value", "error"),
        ),
        Case(
            rule="HOOK-8 RUN-43",
            name="a parallel run: nodes and datasets",
            call=Script(body=_PARALLEL.format(wanted=("node", "dataset"))),
            compare=("value", "error"),
            deviation=Deviation(
                why="Q-32",
                ours={
                    "value": [
                        *["before_dataset_loaded", "after_dataset_loaded"] * 2,
                        *["before_node_run", "after_node_run", "before_dataset_saved", "after_dataset_saved"],
                        *["before_dataset_loaded", "after_dataset_loaded", "before_node_run", "after_node_run"],
                        *["before_dataset_saved", "after_dataset_saved"] * 2,
                    ]
                },
            ),
        ),
    ),
    varied={"a": (1, 2, 3), "b": (4, 5)},
)

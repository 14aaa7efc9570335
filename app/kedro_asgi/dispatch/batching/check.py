"""Whether the options of batching fit the pipeline that they are for, as the project defines it."""

from collections.abc import Iterable

from kedro_asgi.batching_options import BatchingOptions
from kedro_asgi.errors import DatasetError
from kedro_asgi.errors.wording import close_matches, quoted, suggestion
from kedro_asgi.failures import failure_sentence
from kedro_asgi.io.dataset import is_persistent
from kedro_asgi.plan import Plan, Planner
from kedro_asgi.reserved_names import DEFAULT_PIPELINE, is_parameter
from kedro_asgi.runs import NO_PARAMS, Slice


def batching_problem(planner: Planner, name: str, options: BatchingOptions) -> str | None:
    """Return why runs of pipeline ``name`` cannot be joined; ``None`` if they can."""
    try:
        plan = planner.plan(Slice(pipeline_names=() if name == DEFAULT_PIPELINE else (name,)))
        saved = [] if planner.custom_loader is not None else sorted(_saved(planner, plan))
    except Exception as error:  # the code of a project may raise anything
        return failure_sentence(error)
    inputs = {found for found in plan.datasets if not is_parameter(found) and found not in plan.producers}
    for kind, names, known in (("inputs", options.inputs, inputs), ("outputs", options.outputs, plan.producers)):
        if unknown := [found for found in names if found not in known]:
            hint = suggestion(close_matches(unknown[0], known))
            return f"'{kind}' names '{unknown[0]}', which is none of its {kind}.{hint}"
    if saved:
        return f"it saves {quoted(saved)}, and a batch would save the rows of all its runs there at once."
    return None


def _saved(planner: Planner, plan: Plan) -> Iterable[str]:
    """Yield the datasets that a run of the pipeline saves outside of memory."""
    for name in plan.producers:
        builder = planner.resolver.builder(name)
        try:
            if builder is not None and is_persistent(builder.dataset_class(NO_PARAMS)):
                yield name
        except DatasetError:
            # A run reports an entry that cannot be used.
            continue

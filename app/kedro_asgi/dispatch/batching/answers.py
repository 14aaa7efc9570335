"""The answers of a joint run to its members, and whether each is the answer of a run alone."""

from kedro_asgi.dispatch.active_run import ActiveRun
from kedro_asgi.dispatch.batching.batched_pipeline import BatchedPipeline
from kedro_asgi.dispatch.batching.comparison import are_alike
from kedro_asgi.dispatch.batching.joint_run import JointRun, Outputs
from kedro_asgi.dispatch.safe_logging import SafeLogger

_log = SafeLogger(__name__)

NOT_ALIKE = (
    "a batch gave a run other outputs than the run gives alone: each row of an output must depend on the row of "
    "the inputs at the same position, and on no other."
)


def split_outputs(pipeline: BatchedPipeline, joint: JointRun, outputs: Outputs) -> dict[ActiveRun, Outputs] | None:
    """Return the outputs of each member; refuses a pipeline that has made another number of rows. Raises nothing."""
    try:
        split = joint.split(outputs)
    except Exception:  # what a project's own `convert` has made may be anything
        _log.exception("The outputs of a batch of pipeline '%s' cannot be split.", pipeline.name)
        return None
    if isinstance(split, str):
        pipeline.refuse(f"its output '{split}' has not as many rows as its inputs.")
        return None
    return split


def is_same_alone(expected: Outputs, alone: Outputs) -> bool:
    """Tell whether a batch has given a member what it gives alone; values that cannot be compared are not the same."""
    try:
        return are_alike(expected, alone)
    except Exception:
        return False

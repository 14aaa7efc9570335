"""The pipelines of this project."""

from kedro.framework.project import find_pipelines
from kedro.pipeline import Pipeline


def register_pipelines() -> dict[str, Pipeline]:
    """Return the pipelines by name; all of them together are the default, all but one the training."""
    pipelines = find_pipelines(raise_errors=True)
    training = [pipeline for name, pipeline in pipelines.items() if name != "predict"]
    pipelines["__default__"] = sum(pipelines.values(), Pipeline([]))
    pipelines["training"] = sum(training, Pipeline([]))
    return pipelines

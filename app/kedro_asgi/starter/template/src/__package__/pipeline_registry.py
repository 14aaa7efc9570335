"""The pipelines of this project, by name."""

from kedro_asgi.pipeline import Pipeline
from kedro_asgi.project import find_pipelines


def register_pipelines() -> dict[str, Pipeline]:
    """Return every pipeline in ``pipelines/``; a run that names none runs ``train``."""
    pipelines = find_pipelines()
    if "train" in pipelines:  # A run of another pipeline does not look for it.
        pipelines["__default__"] = pipelines["train"]
    return pipelines

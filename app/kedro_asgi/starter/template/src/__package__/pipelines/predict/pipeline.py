"""From measurements in the request to species in the answer."""

from kedro_asgi.pipeline import Pipeline, node, pipeline

from .nodes import check, predict


def create_pipeline() -> Pipeline:
    """Return the pipeline ``predict``; its input ``features`` comes with each request."""
    return pipeline(
        [
            node(check, "features", "measurements", name="check"),
            node(predict, ["model", "measurements"], "predictions", name="predict"),
        ]
    )

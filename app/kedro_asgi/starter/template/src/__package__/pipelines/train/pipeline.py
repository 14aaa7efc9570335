"""From the raw table to a model and its metrics."""

from kedro_asgi.pipeline import Pipeline, node, pipeline

from .nodes import clean, evaluate, fit, split


def create_pipeline() -> Pipeline:
    """Return the pipeline ``train``."""
    return pipeline(
        [
            node(clean, "penguins", ["measured", "dropped"], name="clean"),
            node(split, ["measured", "params:split"], ["train_set", "test_set"], name="split"),
            node(fit, ["train_set", "params:fit"], "model", name="fit"),
            node(
                evaluate,
                ["model", "train_set", "test_set", "dropped"],
                "training_metrics",
                name="evaluate",
            ),
        ]
    )

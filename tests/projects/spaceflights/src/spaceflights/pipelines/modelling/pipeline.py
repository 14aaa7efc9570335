"""One modular pipeline, used twice: ``baseline`` and ``candidate``."""

from kedro.pipeline import Pipeline, node, pipeline

from .nodes import evaluate, fit, split


def create_pipeline(**kwargs) -> Pipeline:
    """Return the pipeline ``modelling``: both variants train on the same split."""
    splitting = pipeline(
        [
            node(
                split,
                ["model_table@pandas", "params:features", "params:split"],
                ["x_train", "x_test", "y_train", "y_test"],
                name="split_node",
            )
        ]
    )
    variant = pipeline(
        [
            node(fit, ["x_train", "y_train", "params:regressor"], "regressor", name="fit_node", tags="slow"),
            node(evaluate, ["regressor", "x_test", "y_test"], ["metrics", "errors"], name="evaluate_node"),
        ]
    )
    variants = [
        pipeline(variant, namespace=namespace, inputs={"x_train", "y_train", "x_test", "y_test"})
        for namespace in ("baseline", "candidate")
    ]
    return pipeline([splitting, *variants], tags="training")

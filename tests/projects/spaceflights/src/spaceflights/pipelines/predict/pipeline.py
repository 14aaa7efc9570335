"""From offers to prices, with the model of the catalog."""

from kedro.pipeline import Node, Pipeline

from .nodes import predict, prepare


def create_pipeline(**kwargs) -> Pipeline:
    """Return the pipeline ``predict``; ``offers`` come from a file or with the request."""
    return Pipeline(
        [
            Node(prepare, inputs=["offers", "params:features"], outputs="offer_features", name="prepare_node"),
            Node(
                predict,
                inputs=["regressor", "offer_features", "offers"],
                outputs="predictions",
                name="predict_node",
            ),
        ],
        inputs={"offers": "offers", "regressor": "baseline.regressor"},
    )

"""Everything that somebody looks at."""

from kedro.pipeline import Node, Pipeline

from .nodes import list_prices, plot_prices, plot_residuals, write_report


def create_pipeline(**kwargs) -> Pipeline:
    """Return the pipeline ``reporting``; it needs what ``modelling`` made."""
    return Pipeline(
        [
            Node(plot_prices, inputs=["model_table@pandas", "params:currency"], outputs="price_by_engine"),
            Node(plot_residuals, inputs=["baseline.errors", "candidate.errors"], outputs="residuals"),
            Node(list_prices, inputs="model_table@pandas", outputs="price_list"),
            Node(
                write_report,
                inputs=["baseline.metrics", "candidate.metrics", "params:currency"],
                outputs=["signed_report", "report_text"],
            ),
        ],
        tags=["training"],
    )

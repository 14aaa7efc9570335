"""Clean, join, describe."""

from kedro.pipeline import Node, Pipeline

from .nodes import clean_companies, clean_shuttles, describe_columns, join_tables, summarise_reviews


def create_pipeline(**kwargs) -> Pipeline:
    """Return the pipeline ``data_processing``."""
    return Pipeline(
        [
            Node(clean_companies, inputs="companies", outputs="clean_companies", name="clean_companies_node"),
            Node(clean_shuttles, inputs="shuttles", outputs=["clean_shuttles", "left_out"], name="clean_shuttles_node"),
            Node(
                summarise_reviews,
                inputs={"reviews": "reviews", "at_least": "params:reviews.at_least"},
                outputs="clean_reviews",
                name="summarise_reviews_node",
            ),
            Node(
                join_tables,
                inputs=["clean_shuttles", "clean_companies", "clean_reviews"],
                outputs="model_table@pandas",
                name="join_tables_node",
            ),
            Node(
                describe_columns,
                inputs=["model_table@columns", "left_out"],
                outputs="data_dictionary",
                name="describe_columns_node",
                tags=["documentation"],
            ),
        ],
        tags=["training"],
    )

"""The names of tables among inputs and outputs, and what is wrong with them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException

from kedro_asgi.media_types import MULTIPART

if TYPE_CHECKING:
    from kedro_asgi.server.typed_pipeline import TypedPipeline
    from kedro_asgi.tables.arrow_table import ArrowTable


def only_input(pipeline: "TypedPipeline", given: Mapping[str, Any]) -> str:
    """Return the input that a table without a name is for: the only one that a run must get, or the only one."""
    schema = pipeline.signature.inputs
    for names in (schema.get("required", ()), schema.get("properties", ())):
        left = [name for name in names if name not in given]
        if len(left) == 1:
            return str(left[0])
    names = ", ".join(f"'{name}'" for name in schema.get("properties", ()))
    if not names:
        raise HTTPException(422, f"The pipeline '{', '.join(pipeline.slice.pipeline_names)}' takes no inputs.")
    raise HTTPException(422, f"The table needs a name, as ?input=…: the inputs of the pipeline are {names}.")


def check_given_once(tables: "Mapping[str, ArrowTable]", inputs: Mapping[str, Any]) -> None:
    """Raise 422 for an input that is a table and a value."""
    if twice := sorted(tables.keys() & inputs.keys()):
        raise HTTPException(422, f"Input '{twice[0]}' is given twice: as a table, and in 'inputs'.")


def wrong_number(media_type: str, outputs: tuple[str, ...]) -> str:
    """Return why an answer of one table cannot be given for these outputs."""
    names = ", ".join(f"'{name}'" for name in outputs) or "none"
    return (
        f"An answer of type '{media_type}' holds one table, and the outputs of this run are {names}. "
        f"Name one as 'outputs', or accept '{MULTIPART}'."
    )

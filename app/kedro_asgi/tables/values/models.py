"""Values of libraries that bring a JSON form of their own: figures of plotly, models of pydantic."""

from typing import Any

import msgspec
from msgspec import UNSET


def plain_of_plotly(plotly: Any, value: Any) -> Any:
    """Return the JSON of a figure, as plotly writes it, or the properties of a part of one; else UNSET."""
    types = getattr(plotly, "basedatatypes", None)
    if types is not None and isinstance(value, types.BaseFigure):
        return msgspec.json.decode(value.to_json())
    return value.to_plotly_json() if types is not None and isinstance(value, types.BasePlotlyType) else UNSET


def plain_of_pydantic(pydantic: Any, value: Any) -> Any:
    """Return the fields of a model by name, as its serializers give them; UNSET for other values."""
    return value.model_dump() if isinstance(value, pydantic.BaseModel) else UNSET

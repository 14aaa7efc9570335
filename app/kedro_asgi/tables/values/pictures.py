"""Pictures as text: a ``data:`` URL of a PNG, which browsers and notebooks show."""

import base64
import io
from collections.abc import Callable
from typing import Any

from msgspec import UNSET

# PNG knows no other colours.
_PNG_MODES = frozenset({"1", "L", "LA", "I", "I;16", "P", "RGB", "RGBA"})


def plain_of_matplotlib(matplotlib: Any, value: Any) -> Any:
    """Return the picture of a figure; UNSET for other values."""
    figure = getattr(matplotlib, "figure", None)
    if figure is None or not isinstance(value, figure.Figure):
        return UNSET
    return _data_url(lambda file: value.savefig(file, format="png"))


def plain_of_pillow(pillow: Any, value: Any) -> Any:
    """Return an image of Pillow; UNSET for other values."""
    image = getattr(pillow, "Image", None)
    if image is None or not isinstance(value, image.Image):
        return UNSET
    picture = value if value.mode in _PNG_MODES else value.convert("RGB")
    return _data_url(lambda file: picture.save(file, format="PNG"))


def _data_url(write: Callable[[io.BytesIO], Any]) -> str:
    file = io.BytesIO()
    write(file)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")

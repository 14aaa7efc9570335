"""Values that a node's ``preview_fn`` returns for tools that show pipelines, such as kedro-viz."""

import dataclasses
import json
from typing import Any, TypeAlias

JSONScalar: TypeAlias = str | int | float | bool | None
JSONObject: TypeAlias = dict[str, Any]
JSONArray: TypeAlias = list[Any]
JSONValue: TypeAlias = JSONScalar | JSONObject | JSONArray
Meta: TypeAlias = JSONObject


class KedroExperimentalWarning(UserWarning):
    """Says that a feature of Kedro may change."""


def assert_json_value(data: Any, path: str = "$") -> None:
    """Raise ``TypeError`` unless ``data`` is JSON; ``path`` is its place, for the message."""
    if isinstance(data, dict) and (keys := [key for key in data if not isinstance(key, str)]):
        raise TypeError(f"{path}: object keys must be str, got {type(keys[0]).__name__}")
    try:
        json.dumps(data)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{path}: value is not JSON-serializable, got {type(data).__name__}") from error


@dataclasses.dataclass(frozen=True)
class BasePreview:
    """The parts that all previews have; ``meta`` is for the tool that shows it."""

    meta: Meta | None = dataclasses.field(default=None, kw_only=True)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields by name; raises ``TypeError`` where they are not JSON."""
        assert_json_value(self.meta, "$.meta")
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True)
class _TextualPreview(BasePreview):
    content: str

    def __post_init__(self) -> None:
        _check(self, "content", str)


@dataclasses.dataclass(frozen=True)
class TextPreview(_TextualPreview):
    """Plain text."""

    kind: str = dataclasses.field(default="text", init=False)


@dataclasses.dataclass(frozen=True)
class MermaidPreview(_TextualPreview):
    """A diagram in the language of Mermaid."""

    kind: str = dataclasses.field(default="mermaid", init=False)


@dataclasses.dataclass(frozen=True)
class ImagePreview(_TextualPreview):
    """The URL of an image, or its data as a URI."""

    kind: str = dataclasses.field(default="image", init=False)


@dataclasses.dataclass(frozen=True)
class CustomPreview(BasePreview):
    """JSON for a renderer that the tool knows by ``renderer_key``."""

    renderer_key: str
    content: JSONObject
    kind: str = dataclasses.field(default="custom", init=False)

    def __post_init__(self) -> None:
        if not (isinstance(self.renderer_key, str) and self.renderer_key):
            raise TypeError("CustomPreview.renderer_key must be a non-empty str")
        _check(self, "content", dict)
        assert_json_value(self.content, "$.content")


PreviewPayload: TypeAlias = TextPreview | MermaidPreview | ImagePreview | CustomPreview


_NAMES = ("TextPreview", "MermaidPreview", "ImagePreview", "CustomPreview")


def is_preview(value: object) -> bool:
    """Whether ``value`` is a preview, ours or Kedro's: a project may import either."""
    kind = type(value)
    return kind.__module__.endswith("pipeline.preview_contract") and kind.__name__ in _NAMES


def _check(preview: BasePreview, field: str, kind: type) -> None:
    value = getattr(preview, field)
    if not isinstance(value, kind):
        raise TypeError(f"{type(preview).__name__}.{field} must be {kind.__name__}, got {type(value).__name__}")

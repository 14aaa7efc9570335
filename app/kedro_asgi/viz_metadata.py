"""The facts in the ``metadata`` of a catalog entry for tools such as kedro-viz."""

from collections.abc import Mapping
from typing import Any

EntryConfig = Mapping[str, Any]


def layer_of(entry: EntryConfig) -> str | None:
    """Return the layer of a dataset, such as ``raw``."""
    layer = _metadata(entry).get("layer")
    return layer if isinstance(layer, str) and layer else None


def preview_arguments(entry: EntryConfig) -> Mapping[str, Any] | None:
    """Return the arguments of a dataset's preview; ``None`` unless the entry asks for one.

    It asks with ``preview_args``, or with ``preview: true``; ``preview: false`` forbids it.
    """
    metadata = _metadata(entry)
    arguments, wish = metadata.get("preview_args"), metadata.get("preview")
    if wish is False or not (wish is True or isinstance(arguments, Mapping)):
        return None
    return arguments if isinstance(arguments, Mapping) else {}


def _metadata(entry: EntryConfig) -> Mapping[str, Any]:
    metadata = entry.get("metadata")
    found = metadata.get("kedro-viz") if isinstance(metadata, Mapping) else None
    return found if isinstance(found, Mapping) else {}

"""The effects of a run of a pipeline, as far as the catalog tells."""

import msgspec

from kedro_asgi.errors import KedroAsgiError
from kedro_asgi.io.builder import DatasetBuilder
from kedro_asgi.io.dataset import is_persistent
from kedro_asgi.pipeline import Pipeline
from kedro_asgi.plan import Planner
from kedro_asgi.runs import NO_PARAMS


class ToolEffects(msgspec.Struct, frozen=True, kw_only=True):
    """The datasets that a run saves for longer than itself, and those of them whose former content it replaces."""

    saved: tuple[str, ...]
    replaced: tuple[str, ...]

    @classmethod
    def of(cls, planner: Planner, pipeline: Pipeline) -> "ToolEffects":
        """Return the effects of ``pipeline``; an entry that only a run completes counts as replaced."""
        names = dict.fromkeys(name for node in pipeline.nodes for name in (*node.outputs, *node.confirms))
        # A loader of the project's own is asked by runs only.
        resolver = planner.resolver if planner.custom_loader is None else None
        if resolver is None:
            return cls(saved=tuple(names), replaced=tuple(names))
        versions = {name: _versions(builder) for name in names if (builder := resolver.builder(name)) is not None}
        saved = {name: is_versioned for name, is_versioned in versions.items() if is_versioned is not None}
        replaced = tuple(name for name, is_versioned in saved.items() if not is_versioned)
        return cls(saved=tuple(saved), replaced=replaced)


def _versions(builder: DatasetBuilder) -> bool | None:
    """Tell whether each save makes a new version; ``None`` for a dataset in memory."""
    try:
        definition = builder.definition(NO_PARAMS)
    except KedroAsgiError:
        return False
    return definition.is_versioned if is_persistent(definition.cls) else None

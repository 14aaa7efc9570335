"""Names that mean something by themselves, among datasets, pipelines, and keys of a catalog entry."""

from collections.abc import Sequence

ALL_PARAMETERS = "parameters"
PARAMS_PREFIX = "params:"

#: The pipeline of a run that names none.
DEFAULT_PIPELINE = "__default__"

#: The character between the name of a dataset and a format in which it is read or written: ``x@csv``.
FORMAT_SEPARATOR = "@"

#: Keys of a catalog entry whose text is a path, at any depth.
PATH_KEYS = frozenset({"filepath", "path", "filename"})

#: Keys of a catalog entry that may name a class, at any depth.
CLASS_KEYS = frozenset({"type", "dataset", "validator"})


def is_parameter(name: str) -> bool:
    """Tell whether ``name``, an input of a node, stands for parameters and not for a dataset."""
    return name.startswith(PARAMS_PREFIX) or name == ALL_PARAMETERS


def shown_pipelines(names: Sequence[str]) -> str:
    """Return the names of a run's pipelines as one text."""
    return ", ".join(names) or DEFAULT_PIPELINE

"""The ids that kedro-viz gives to the elements of a project."""

from hashlib import sha1

from kedro_asgi.pipeline import Node
from kedro_asgi.pipeline.transcoding import base_name


def task_id(node: Node) -> str:
    """Return the id of a node, which depends on its text: name, function, inputs and outputs."""
    return _digest(str(node))


def dataset_id(name: str) -> str:
    """Return the id of a dataset or a parameter; all formats of a dataset have the same."""
    return _digest(base_name(name))


def _digest(text: str) -> str:
    return sha1(text.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()[:8]

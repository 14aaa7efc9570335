"""Errors of nodes and pipelines: how they are defined, run, combined and sliced."""

from collections.abc import Iterable, Mapping
from typing import Self

from kedro_asgi.errors.base import KedroAsgiError, ReportedAsBase
from kedro_asgi.errors.wording import all_close_matches, braced, suggestion


class NodeDefinitionError(ReportedAsBase, ValueError):
    """A node has no function, no datasets, or a wrong kind of either."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"Invalid Node definition: {problem}\nFormat should be: node(function, inputs, outputs)")


class PreviewTypeError(ReportedAsBase, ValueError):
    """A ``preview_fn`` returns something that is no preview."""

    def __init__(self, value: object) -> None:
        super().__init__(
            "preview_fn must return one of the valid preview types (TextPreview, MermaidPreview, ImagePreview, or "
            f"CustomPreview), but got '{type(value).__name__}' instead."
        )


class NodeSignatureError(ReportedAsBase, TypeError):
    """The function of a node does not accept the node's inputs."""

    def __init__(self, function: str, parameters: Iterable[str], inputs: object) -> None:
        self.function, self.parameters = function, list(parameters)
        super().__init__(f"Inputs of '{function}' function expected {self.parameters}, but got {inputs}")


class NodeNameError(ReportedAsBase, ValueError):
    """The name or a tag of a node has a character that is not allowed; ``kind`` says which of the two."""

    def __init__(self, kind: str, value: str) -> None:
        self.kind, self.value = kind, value
        super().__init__(
            f"{value!r} is not a valid node {kind}. It must contain only letters, digits, hyphens, underscores and/or "
            "fullstops."
        )


class UnnamedNodeError(ReportedAsBase, AttributeError):
    """A node has no name, and neither has its function."""

    def __init__(self, function: object) -> None:
        super().__init__(f"'{type(function).__name__}' object has no attribute '__name__', so its node needs a 'name'.")


class NodeOutputsNotUniqueError(ReportedAsBase, ValueError):
    """A node names one of its outputs twice."""

    def __init__(self, node: str, names: Iterable[str]) -> None:
        self.names = frozenset(names)
        super().__init__(
            f"Failed to create node {node} due to duplicate output(s) {braced(self.names)}.\n"
            "Node outputs must be unique."
        )


class NodeLoopError(ReportedAsBase, ValueError):
    """A node reads a dataset that it writes."""

    def __init__(self, node: str, names: Iterable[str]) -> None:
        self.names = frozenset(names)
        super().__init__(
            f"Node {node} cannot be made.\nA node cannot have the same inputs and outputs even if they are "
            f"transcoded: {braced(self.names)}"
        )


class TranscodingError(ReportedAsBase, ValueError):
    """A dataset name has more than one ``@``."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"Expected maximum 1 transcoding separator, found {name.count('@')} instead: '{name}'.")


class NodeInputsError(ReportedAsBase, ValueError):
    """The caller runs a node with other inputs than the node declares."""

    def __init__(self, node: str, expected: str, given: Iterable[str]) -> None:
        self.given = sorted(given)
        super().__init__(
            f"Node {node} expected {expected}, but got the following {len(self.given)} input(s) instead: {self.given}."
        )


class NodeInputsTypeError(ReportedAsBase, ValueError):
    """The caller runs a node with something other than a mapping of names to data."""

    def __init__(self, inputs: object) -> None:
        super().__init__(f"Node.run() expects a dictionary or None, but got {type(inputs)} instead")


class NodeOutputsError(ReportedAsBase, ValueError):
    """A function returned a value that does not fit the outputs of its node."""

    def __init__(self, node: str, problem: str) -> None:
        super().__init__(f"The outputs of node {node} cannot be saved.\n{problem}")


class AsyncNodeError(ReportedAsBase, TypeError):
    """Synchronous code runs an ``async def`` node, which it cannot await."""

    def __init__(self, node: str) -> None:
        super().__init__(
            f"The function of node {node} is async: run the node in a session or with a runner, "
            "or await node.call(inputs) and give the result to node.unpack()."
        )


class MissingNodesError(ReportedAsBase, ValueError):
    """A pipeline is made from ``None``."""

    def __init__(self) -> None:
        super().__init__("'nodes' argument of 'Pipeline' is None. Give it a list, which may be empty.")


class NotANodeError(ReportedAsBase, AttributeError):
    """A pipeline is made from something that is neither a node nor a pipeline."""

    def __init__(self, item: object) -> None:
        super().__init__(
            f"'{type(item).__name__}' object has no attribute 'nodes': a pipeline is made of nodes and pipelines, "
            f"and {item!r} is neither."
        )


class NodeNotUniqueError(ReportedAsBase, ValueError):
    """Nodes of one pipeline share a name; ``names`` groups the repeated names by the item that repeats them."""

    def __init__(self, names: Mapping[str, Iterable[str]]) -> None:
        self.names = {origin: sorted(set(repeated)) for origin, repeated in names.items()}
        groups = ["\n".join([f"{origin}:", *(f"  - {name}" for name in found)]) for origin, found in self.names.items()]
        super().__init__(
            "Pipeline nodes must have unique names. The following node names appear more than once:\n\n"
            + "\n".join(groups)
            + "\n\nGive each node its own name: node(..., name='...')."
        )


class _NamedGraphError(KedroAsgiError):
    """An error of nodes or datasets, whose ``names`` it keeps; a user may raise it with a text, as in Kedro."""

    def __init__(self, *args: object, names: Iterable[str] = ()) -> None:
        self.names = list(names)
        super().__init__(*args)


class OutputNotUniqueError(_NamedGraphError):
    """Two nodes produce the same dataset."""

    @classmethod
    def of(cls, names: Iterable[str]) -> Self:
        """Return the error for these datasets."""
        names = sorted(names)
        return cls(f"Output(s) {names} are returned by more than one nodes.", names=names)


class ConfirmNotUniqueError(_NamedGraphError):
    """Two nodes confirm the same dataset."""

    @classmethod
    def of(cls, names: Iterable[str]) -> Self:
        """Return the error for these datasets."""
        names = sorted(names)
        return cls(f"{names} datasets are confirmed by more than one node.", names=names)


class CircularDependencyError(_NamedGraphError):
    """Nodes depend on each other; ``names`` lists one cycle of them."""

    @classmethod
    def of(cls, nodes: Mapping[str, object]) -> Self:
        """Return the error for the nodes of one cycle, by their names."""
        listed = list(nodes.values())
        return cls(f"Circular dependencies exist among the following {len(nodes)} item(s): {listed}", names=list(nodes))


class MixedTranscodingError(ReportedAsBase, ValueError):
    """A pipeline uses a dataset both with and without ``@``."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = sorted(names)
        super().__init__(
            "The following datasets are used with transcoding, but were referenced without the separator: "
            f"{', '.join(self.names)}.\nAdd '@' and a format to each of their uses, or to none."
        )


class PipelineError(KedroAsgiError):
    """A modular pipeline maps names that it does not have, or must not map."""


class UnknownMappingError(ReportedAsBase, PipelineError):
    """A modular pipeline maps names that none of its nodes uses."""

    def __init__(self, names: Iterable[str], known: Iterable[str]) -> None:
        self.names, known = sorted(names), sorted(known)
        self.matches = all_close_matches(self.names, known)
        listed = ", ".join(self.names)
        problem = (
            f"{listed} does not exist in the pipeline."
            if len(self.names) == 1
            else f"The following datasets and/or parameters do not exist in the pipeline: {listed}."
        )
        hint = f" - did you mean one of these instead: {', '.join(self.matches)}" if self.matches else ""
        super().__init__(f"Failed to map datasets and/or parameters onto the nodes provided: {problem}{hint}")


class GroupingError(ReportedAsBase, ValueError):
    """The caller asks to group nodes by something unsupported."""

    def __init__(self, group_by: object) -> None:
        super().__init__(f"Unsupported group_by strategy: {group_by}")


class SelectionError(ReportedAsBase, ValueError):
    """The caller selects nodes by something that the pipeline does not have."""


class NodeNotFoundError(SelectionError):
    """A pipeline has no nodes of these names; ``matches`` are full names of nodes in namespaces, or resemble them."""

    def __init__(self, names: Iterable[str], known: Iterable[str]) -> None:
        self.names = list(names)
        endings = tuple(f".{name}" for name in self.names)
        known = list(known)
        nested = [name for name in known if name.endswith(endings)]
        self.matches = nested or all_close_matches(self.names, known)
        hint = f" Did you mean: {nested}?" if nested else suggestion(self.matches)
        super().__init__(f"Pipeline does not contain nodes named {self.names}.{hint}")


class NodeCodeError(ReportedAsBase, ValueError):
    """The function of a node has no code of its own in a file."""

    def __init__(self, node: str, reason: str) -> None:
        super().__init__(f"The code of node '{node}' cannot be shown: {reason}")


class DatasetNotInPipelineError(SelectionError):
    """A pipeline has no datasets of these names."""

    def __init__(self, names: Iterable[str], known: Iterable[str] = ()) -> None:
        self.names = sorted(names)
        self.matches = all_close_matches(self.names, known)
        hint = suggestion(self.matches, stop=".")
        super().__init__(f"Pipeline does not contain datasets named {self.names}{hint}")


class NamespaceNotFoundError(SelectionError):
    """A pipeline has no nodes in these namespaces."""

    def __init__(self, namespaces: Iterable[str], known: Iterable[str] = ()) -> None:
        self.namespaces = list(namespaces)
        self.matches = all_close_matches(self.namespaces, known)
        hint = suggestion(self.matches, stop=".")
        super().__init__(f"Pipeline does not contain nodes with the following namespaces: {self.namespaces}{hint}")


class EmptyPipelineError(SelectionError):
    """No node of a pipeline meets all criteria; ``matches`` are tags that resemble ``unknown_tags``."""

    def __init__(self, unknown_tags: Iterable[str] = (), known_tags: Iterable[str] = ()) -> None:
        self.unknown_tags = list(unknown_tags)
        self.matches = all_close_matches(self.unknown_tags, known_tags)
        hint = f" No node has the tags {self.unknown_tags}.{suggestion(self.matches)}" if self.matches else ""
        super().__init__(
            "Pipeline contains no nodes after applying all provided filters. "
            f"Please ensure that at least one pipeline with nodes has been defined.{hint}"
        )

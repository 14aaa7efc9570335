"""Outputs that can never be JSON: found before a run, where the catalog or a type hint tells."""

from collections.abc import Iterable
from typing import Any, get_args, get_origin, get_type_hints

from kedro_asgi.errors import DatasetError, UnencodableOutputError
from kedro_asgi.io import DataCatalog
from kedro_asgi.io.inputs import load_annotations
from kedro_asgi.pipeline import Node, Pipeline
from kedro_asgi.tables import never_has_plain_form


def check_json_outputs(
    names: Iterable[str], pipeline: Pipeline, catalog: DataCatalog, *, own_package: str = ""
) -> None:
    """Raise `UnencodableOutputError` for an output whose dataset, or the node that makes it, gives no JSON form.

    The dataset tells by the return type of its ``load``, the node by that of its function.
    """
    wanted = set(names)
    producers = {name: step.node for step in pipeline.steps.in_order for name in step.outputs if name in wanted}
    for name in wanted:
        kind = _dataset_class(name, catalog)
        loaded = None if kind is None else _loaded(kind)
        if never_has_plain_form(loaded, own_package=own_package):
            raise _refusal(name, f"dataset type '{kind.__name__}' loads", loaded)
        node = producers.get(name)
        returned = None if node is None else _returned(node, name)
        if node is not None and never_has_plain_form(returned, own_package=own_package):
            raise _refusal(name, f"node '{node.name}' returns", returned)


def same_in_every_run(names: Iterable[str], catalog: DataCatalog) -> list[str]:
    """Return those ``names`` whose dataset has the same class in every run of the plan, if no hook makes another."""
    builders = {name: catalog.config_resolver.builder(name) for name in names if name not in catalog.registered}
    return [name for name, builder in builders.items() if builder is None or builder.is_same_in_every_run]


def _dataset_class(name: str, catalog: DataCatalog) -> Any:
    if not issubclass(type(catalog), DataCatalog):
        # A catalog class of Kedro's knows no builders.
        return None
    found = catalog.registered.get(name)
    if found is not None:
        return type(found)
    builder = catalog.config_resolver.builder(name)
    try:
        return None if builder is None else builder.dataset_class(catalog.runtime)
    except DatasetError:
        # The run reports an entry that cannot be used.
        return None


def _loaded(kind: type) -> object:
    return next((hint for hint in load_annotations(kind) if hint is not None and hint is not Any), None)


def _returned(node: Node, name: str) -> object:
    """Return the type hint of the output ``name`` of a node; ``None`` where there is none."""
    if node.is_generator:
        # Its hint is about chunks.
        return None
    try:
        hint = get_type_hints(node.func).get("return")
    except Exception:  # the annotations of a project need not mean anything at run time
        return None
    if len(node.outputs) == 1:
        return hint
    parts = get_args(hint) if get_origin(hint) is tuple else ()
    return dict(zip(node.outputs, parts, strict=False)).get(name) if len(parts) == len(node.outputs) else None


def _refusal(name: str, what: str, annotation: object) -> UnencodableOutputError:
    shown = getattr(annotation, "__qualname__", None) or str(annotation)
    reason = f"{what} '{shown}', which has no JSON form. Nothing was run; leave it out of 'outputs'"
    return UnencodableOutputError(name, reason)

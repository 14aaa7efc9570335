"""The rest of a run that has ended before it was done, for a new run."""

from collections.abc import Collection
from functools import partial

import msgspec

from kedro_asgi.io import DataCatalog
from kedro_asgi.pipeline import Pipeline
from kedro_asgi.pipeline.transcoding import base_name
from kedro_asgi.plan import Planner
from kedro_asgi.runner.resuming import is_name_persistent, resume_nodes
from kedro_asgi.runs import RunSpec


def resumed_spec(
    planner: Planner, catalog: DataCatalog, spec: RunSpec, *, finished: Collection[str], save_version: str
) -> RunSpec:
    """Return what is left of ``spec`` when the nodes of these names have finished.

    A dataset that the other run saved as a version is loaded as that version. Inputs and outputs of nodes that do not
    run again are left out. Raises ``LookupError`` where nothing is left, or no work is saved by it.
    """
    whole = planner.plan(spec.slice).pipeline
    left = [node for node in whole.nodes if node.name not in finished]
    if not left:
        raise LookupError("all of its nodes have finished")
    names = resume_nodes(whole, left, partial(_is_loadable, catalog=catalog), across_formats=True)
    slice_ = msgspec.structs.replace(spec.slice, from_nodes=tuple(names))
    plan = planner.plan(slice_)
    if len(plan.pipeline.nodes) == len(whole.nodes):
        raise LookupError("it has saved nothing that another run could load, so that all nodes would run again")
    versions = dict.fromkeys(_saved_versions(whole, plan.pipeline, catalog), save_version)
    return msgspec.structs.replace(
        spec,
        slice=slice_,
        inputs={name: value for name, value in spec.inputs.items() if name in plan.datasets},
        outputs=tuple(name for name in spec.outputs or () if name in plan.datasets),
        load_versions={**spec.load_versions, **versions},
        attempt=1,
    )


def _saved_versions(whole: Pipeline, rest: Pipeline, catalog: DataCatalog) -> list[str]:
    """Return the versioned datasets that nodes before the rest have saved, and that the rest loads.

    They have the names by which the rest loads them: what was saved as ``x@a`` may be loaded as ``x@b``.
    """
    saved = set(map(base_name, whole.all_outputs()))
    loaded = [name for name in rest.inputs() if base_name(name) in saved]
    return [name for name in loaded if getattr(catalog[name], "_version", None)]


def _is_loadable(name: str, catalog: DataCatalog) -> bool:
    """Whether a new run can load what another one has saved; a dataset that cannot tell whether it exists counts as so.

    Kedro's classes and ours tell it in ``_exists``, which their base class has too.
    """
    if not is_name_persistent(name, catalog):
        return False
    owner = next((kind for kind in type(catalog[name]).__mro__ if "_exists" in vars(kind)), None)
    try:
        return owner is None or owner.__name__ == "AbstractDataset" or catalog.exists(name)
    except Exception:  # datasets of a project may raise anything
        return False

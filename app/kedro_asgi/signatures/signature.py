"""The signature of a pipeline: the JSON that a run of it takes and gives."""

import logging
from collections.abc import Mapping
from typing import Any

import msgspec

from kedro_asgi.config import MissingConfigException
from kedro_asgi.errors import KedroAsgiError
from kedro_asgi.io import CatalogConfigResolver, CatalogResolver
from kedro_asgi.pipeline import Pipeline
from kedro_asgi.plan import Planner
from kedro_asgi.redaction import secret_names
from kedro_asgi.reserved_names import is_parameter
from kedro_asgi.runs import NO_PARAMS, Slice
from kedro_asgi.signatures.dataset_schemas import (
    CatalogFacts,
    givable_outputs,
    inputs_schema,
    outputs_schema,
    streamed_outputs,
)
from kedro_asgi.signatures.definitions import Definitions, Json
from kedro_asgi.signatures.parameter_schemas import ParameterBranch, parameters_schema

_log = logging.getLogger(__name__)


class PipelineSignature(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The schemas of what runs of a slice take (``inputs``, ``params``) and give (``results``).

    References lead to ``definitions``. ``outputs`` names the datasets that a run can give, and ``default_outputs``
    those that it gives to a caller that names none: free outputs in memory, which nothing else keeps. Generator nodes
    make those in ``streamed``, chunk by chunk.
    """

    inputs: Json
    params: Json
    results: Json
    outputs: tuple[str, ...]
    default_outputs: tuple[str, ...]
    streamed: tuple[str, ...]
    definitions: Mapping[str, Json]


def describe_signature(planner: Planner, slice_: Slice) -> PipelineSignature:
    """Return the signature of a slice; raises the errors of the slice and of the configuration."""
    pipeline = planner.plan(slice_).pipeline
    definitions = Definitions()
    resolver = _resolver(planner)
    facts = {name: CatalogFacts.of(name, resolver) for name in pipeline.datasets() if not is_parameter(name)}
    inputs = sorted(name for name in pipeline.inputs() if name in facts)
    outputs = givable_outputs(pipeline, facts, own_package=planner.project.package_name)
    free = pipeline.outputs()
    schemas = {
        "inputs": inputs_schema(pipeline, inputs, facts, definitions),
        "params": _params(planner, pipeline, resolver, definitions),
        "results": outputs_schema(pipeline, outputs, facts, definitions),
    }
    return PipelineSignature(
        **schemas,
        outputs=tuple(outputs),
        default_outputs=tuple(name for name in outputs if name in free and facts[name].is_in_memory),
        streamed=streamed_outputs(pipeline, outputs),
        definitions=definitions.used_by(schemas),
    )


def _params(planner: Planner, pipeline: Pipeline, resolver: CatalogResolver | None, definitions: Definitions) -> Json:
    """Return the schema of parameters; others are allowed where the configuration may look them up."""
    try:
        values = _project_values(planner)
        is_constant = planner.has_constant_parameters
    except KedroAsgiError:
        # They need a value that only a run brings.
        values, is_constant = {}, False
    is_secret = secret_names(planner.project.options.hidden_values)
    schema = parameters_schema(ParameterBranch.of(pipeline.nodes, values), values, definitions, is_secret=is_secret)
    is_fixed = is_constant and resolver is not None and all(map(resolver.is_static, pipeline.datasets()))
    return schema if is_fixed else _open(schema, is_required=is_constant)


def _project_values(planner: Planner) -> Mapping[str, Any]:
    if planner.custom_loader is None:
        return planner.parameters(NO_PARAMS)
    try:
        return planner.read("parameters", NO_PARAMS)
    except MissingConfigException:
        return {}


def _open(schema: Json, *, is_required: bool) -> Json:
    kept = schema if is_required else {key: value for key, value in schema.items() if key != "required"}
    return {**kept, "additionalProperties": True}


def _resolver(planner: Planner) -> CatalogResolver | None:
    """Return the compiled catalog; that of a project's own loader as it is without values of a run."""
    if planner.custom_loader is None:
        return planner.resolver
    try:
        return CatalogConfigResolver(planner.read("catalog", NO_PARAMS))
    except Exception as error:  # a loader of a project may raise anything
        _log.debug("The signature of a pipeline says nothing of the catalog, which cannot be read: %s", error)
        return None

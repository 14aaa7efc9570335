"""The signature of one slice of a project, with what checks its requests."""

from collections.abc import Mapping
from typing import Any

import msgspec

from kedro_asgi.plan import Planner
from kedro_asgi.runs import RuntimeParams, Slice
from kedro_asgi.server.typed_schemas import request_schema
from kedro_asgi.signatures import BodyCheck, BodyProblem, Json, PipelineSignature, describe_signature, model_problems


class TypedPipeline(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A slice of a project with the schema of its requests, compiled."""

    planner: Planner
    slice: Slice
    signature: PipelineSignature
    schema: Json
    check: BodyCheck

    @classmethod
    def of(cls, planner: Planner, slice_: Slice) -> "TypedPipeline":
        """Compile a slice; raises its errors and those of the configuration."""
        signature = describe_signature(planner, slice_)
        schema = request_schema(signature, title=slice_.pipeline_names[0])
        return cls(planner=planner, slice=slice_, signature=signature, schema=schema, check=BodyCheck(schema))

    @property
    def has_models(self) -> bool:
        """Whether nodes require models of their parameters, whose code may refuse more than the schema does."""
        return self.planner.plan(self.slice).has_typed_parameters

    def model_problems(self, params: Mapping[str, Any]) -> list[BodyProblem]:
        """Return what the models refuse in ``params`` over the project's own; calls code of the project."""
        validator = self.planner.plan(self.slice).parameter_validator
        return list(model_problems(validator, self.planner.parameters(RuntimeParams(values=params))))

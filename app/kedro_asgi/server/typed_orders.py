"""Makes an order of each body that asks a single pipeline for a run, once the body fits the pipeline's schema."""

from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec

from kedro_asgi.errors.wording import shortened
from kedro_asgi.runs import RunOrder, RunSpec
from kedro_asgi.schemas import RunSubmission, ValidationError
from kedro_asgi.server.bodies import BodyReader, JsonBody, run_order
from kedro_asgi.server.errors import MAX_PROBLEMS, InvalidBodyError
from kedro_asgi.server.validation import placed_problem
from kedro_asgi.session import AsyncSession

if TYPE_CHECKING:
    from kedro_asgi.server.typed_pipeline import TypedPipeline
    from kedro_asgi.signatures import BodyProblem

_MAX_TEXT = 200


class TypedOrders:
    """Checks bodies against the schemas of pipelines, and makes orders of them."""

    def __init__(self, session: AsyncSession, bodies: BodyReader) -> None:
        self._session = session
        self._bodies = bodies

    async def order(self, pipeline: "TypedPipeline", body: JsonBody, *, key: str | None = None) -> RunOrder:
        """Return the order that a body describes; raises `InvalidBodyError`, which lists all that is wrong."""
        return _order(pipeline, await self._checked(pipeline, body), key)

    async def _checked(self, pipeline: "TypedPipeline", body: JsonBody) -> RunSubmission:
        submission = await self._bodies.work_on(body, partial(_submission, pipeline, body.document))
        if submission.params and pipeline.has_models:
            params = submission.params
            outcome = await self._session.in_free_thread(lambda _: pipeline.model_problems(params))
            # A configuration that cannot be evaluated fails the run, which reports it.
            _refuse([] if outcome.error is not None else outcome.value(), body.document)
        return submission


def _submission(pipeline: "TypedPipeline", document: Any) -> RunSubmission:
    _refuse(list(islice(pipeline.check.problems(document), MAX_PROBLEMS)), document)
    try:
        return msgspec.convert(document, RunSubmission)
    except msgspec.ValidationError as error:
        # A whole number with a fraction of zero is an integer in JSON Schema.
        raise InvalidBodyError([placed_problem(error, ["body"])]) from error


def _refuse(problems: "list[BodyProblem]", document: Any) -> None:
    if problems:
        raise InvalidBodyError([_validation_error(found, document) for found in problems])


def _validation_error(problem: "BodyProblem", document: Any) -> ValidationError:
    value: Any = document
    for key in problem.path:
        try:
            value = value[key]
        except (LookupError, TypeError):
            value = None
    # The caller has the rest of a large value.
    text = shortened(value, _MAX_TEXT) if isinstance(value, str) else None
    shown = value if isinstance(value, int | float | bool | None) else text
    return ValidationError(type=problem.kind, loc=["body", *problem.path], msg=problem.message, input=shown)


def _order(pipeline: "TypedPipeline", submission: RunSubmission, key: str | None) -> RunOrder:
    outputs = pipeline.signature.default_outputs if submission.outputs is None else tuple(submission.outputs)
    spec = RunSpec(
        slice=pipeline.slice,
        runtime_params=submission.params or {},
        load_versions=submission.load_versions or {},
        inputs=submission.inputs or {},
        outputs=outputs,
        only_missing_outputs=submission.only_missing_outputs,
        runner=submission.runner,
        is_async=submission.is_async,
        retries=submission.retries,
    )
    return run_order(submission, spec, key=key)

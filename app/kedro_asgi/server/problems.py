"""Errors of the routes of runs, as ``application/problem+json``."""

from collections.abc import Mapping

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from kedro_asgi.encoding import encode_json
from kedro_asgi.errors import (
    DispatchError,
    DrainingError,
    KeyReusedError,
    NamespaceNotFoundError,
    NoPreviewError,
    NothingToResumeError,
    NotificationNotFoundError,
    OrderNotKeptError,
    OutOfRangeError,
    OutputNotFoundError,
    PipelineCrashingError,
    PipelineNotFoundError,
    PreviewFailedError,
    QueueFullError,
    RunNotEndedError,
    RunNotFoundError,
    ScheduleNotFoundError,
    SelectionError,
    StoreUnavailableError,
    UnstorableRunError,
    WebhookNotFoundError,
)
from kedro_asgi.errors.wording import suggestion
from kedro_asgi.failures import failure_sentence
from kedro_asgi.media_types import PROBLEM
from kedro_asgi.schemas import Problem, ValidationError
from kedro_asgi.server.access.audit import log_refusal
from kedro_asgi.server.access.refusals import AccessRefusedError
from kedro_asgi.server.errors import InvalidBodyError, quoted_problems

_TYPE = "urn:kedro-asgi:problem:"


class ProblemKind(msgspec.Struct, frozen=True):
    """One kind of problem: the end of its type, its title, and its status. ``docs/errors.md`` lists all kinds."""

    slug: str
    title: str
    status: int

    def problem(
        self, detail: str, *, run_id: str | None = None, errors: list[ValidationError] | None = None
    ) -> Problem:
        """Return a problem of this kind."""
        return Problem(
            type=_TYPE + self.slug, title=self.title, status=self.status, detail=detail, run_id=run_id, errors=errors
        )


_DISPATCH_PROBLEMS: Mapping[type[DispatchError], ProblemKind] = {
    QueueFullError: ProblemKind("queue-full", "Too many runs", 429),
    DrainingError: ProblemKind("draining", "The server is shutting down", 503),
    PipelineCrashingError: ProblemKind("pipeline-crashing", "The pipeline crashes its process", 503),
    StoreUnavailableError: ProblemKind("store-unavailable", "The store of runs is not available", 503),
    RunNotFoundError: ProblemKind("run-not-found", "No such run", 404),
    ScheduleNotFoundError: ProblemKind("schedule-not-found", "No such schedule", 404),
    OutputNotFoundError: ProblemKind("output-not-found", "No such output", 404),
    NotificationNotFoundError: ProblemKind("notification-not-found", "No such notification", 404),
    WebhookNotFoundError: ProblemKind("webhook-not-configured", "The webhook is not configured", 409),
    RunNotEndedError: ProblemKind("run-not-ended", "The run has not ended", 409),
    OrderNotKeptError: ProblemKind("order-not-kept", "The run cannot be repeated", 409),
    NothingToResumeError: ProblemKind("nothing-to-resume", "The run cannot be repeated from its failure", 409),
    OutOfRangeError: ProblemKind("out-of-range", "A value is out of its range", 422),
    KeyReusedError: ProblemKind("idempotency-key-reused", "The idempotency key stands for another run", 422),
    UnstorableRunError: ProblemKind("unstorable-run", "The run cannot be stored", 422),
}
_FAILED = ProblemKind("failed", "The request failed", 500)
_INVALID_QUERY = ProblemKind("invalid-query", "Invalid query", 422)
_INVALID_BODY = ProblemKind("invalid-body", "Invalid body", 422)
_PIPELINE_NOT_FOUND = ProblemKind("pipeline-not-found", "No such pipeline", 404)
_PROJECT_FAILED = ProblemKind("project-failed", "The project cannot be read", 503)
_PREVIEW_TIMEOUT = ProblemKind("preview-timeout", "The preview takes too long", 503)
# The first class that fits an error counts.
_PROJECT_PROBLEMS: Mapping[type[Exception], ProblemKind] = {
    NamespaceNotFoundError: _INVALID_QUERY,
    SelectionError: ProblemKind("invalid-slice", "Invalid slice", 422),
    NoPreviewError: ProblemKind("no-preview", "No preview", 404),
    PreviewFailedError: ProblemKind("preview-failed", "The preview failed", 409),
}
_HTTP_PROBLEMS: Mapping[int, ProblemKind] = {
    404: _PIPELINE_NOT_FOUND,
    406: ProblemKind("not-acceptable", "The answer has no such form", 406),
    408: ProblemKind("body-timeout", "The body is too late", 408),
    413: ProblemKind("body-too-large", "The body is too large", 413),
    415: ProblemKind("unsupported-media-type", "The body has another form", 415),
    422: _INVALID_BODY,
}
# A server that is shutting down, or a store that failed, may be back after this time.
_RETRY_AFTER_SECONDS = 5


class InvalidQueryError(Exception):
    """A header or a query parameter is invalid."""


class PipelineUnavailableError(HTTPException):
    """The pipeline of a request cannot be found or read; ``reason`` says why."""

    def __init__(self, reason: BaseException) -> None:
        self.reason = reason
        super().__init__(explain_project_error(reason).status_code, failure_sentence(reason))


async def explain_dispatch_error(request: Request, error: Exception, *, busy_status: int) -> Response:
    """Return the response for an error of the dispatcher."""
    assert isinstance(error, DispatchError)
    problem = dispatch_problem(error)
    if isinstance(error, QueueFullError):
        problem = msgspec.structs.replace(problem, status=busy_status)
    return _response(problem, _retry_after(error))


def dispatch_problem(error: DispatchError) -> Problem:
    """Return the problem that an error of the dispatcher is."""
    kind = _DISPATCH_PROBLEMS.get(type(error), _FAILED)
    return kind.problem(str(error), run_id=getattr(error, "run_id", None))


async def explain_refusal(request: Request, error: Exception) -> Response:
    """Log that a request is refused, and return the response."""
    assert isinstance(error, AccessRefusedError)
    log_refusal(request.scope, status=error.status, reason=str(error))
    kind = ProblemKind(error.slug, error.title, error.status)
    return _response(kind.problem(str(error)), error.headers)


async def explain_query_error(request: Request, error: Exception) -> Response:
    """Return a 422 response for an invalid header or query parameter."""
    return _response(_INVALID_QUERY.problem(str(error)))


async def explain_unreadable(error: InvalidBodyError | HTTPException) -> Response:
    """Return the response for a body that cannot be read; a 422 lists all its problems."""
    if isinstance(error, HTTPException):
        return explain_http_error(error)
    return _response(_INVALID_BODY.problem(error.sentence(without_body=False), errors=await quoted_problems(error)))


def explain_http_error(error: HTTPException) -> Response:
    """Return the response for an error of a route itself, such as a body that is too large."""
    if isinstance(error, PipelineUnavailableError):
        return explain_project_error(error.reason)
    kind = _HTTP_PROBLEMS.get(error.status_code, _FAILED)
    problem = msgspec.structs.replace(kind.problem(str(error.detail)), status=error.status_code)
    return _response(problem, error.headers)


def explain_project_error(error: BaseException) -> Response:
    """Return the response for a pipeline that cannot be found or read.

    404 stands for an unknown pipeline, 422 for an unknown namespace or a slice that selects nothing, 503 for a project
    that cannot be read.
    """
    if isinstance(error, PipelineNotFoundError):
        reason = f" Its module cannot be imported: {error.problem}" if error.problem else suggestion(error.matches)
        detail = f"There is no pipeline '{error.name}'.{reason}"
        return _response(_PIPELINE_NOT_FOUND.problem(detail))
    kind = next((found for cls, found in _PROJECT_PROBLEMS.items() if isinstance(error, cls)), None)
    if kind is not None:
        return _response(kind.problem(str(error)))
    problem = _PROJECT_FAILED.problem(failure_sentence(error))
    return _response(problem, {"Retry-After": str(_RETRY_AFTER_SECONDS)})


async def explain_unreadable_project(request: Request, error: Exception) -> Response:
    """Return the response where the project's ``pyproject.toml`` cannot be read."""
    return explain_project_error(error)


def explain_preview_timeout(name: str, *, seconds: float) -> Response:
    """Return a 503 response for a preview that takes too long."""
    detail = f"The preview of dataset '{name}' takes longer than {seconds:g} seconds."
    return _response(_PREVIEW_TIMEOUT.problem(detail), {"Retry-After": str(_RETRY_AFTER_SECONDS)})


def _retry_after(error: DispatchError) -> dict[str, str]:
    match error:
        case QueueFullError(retry_after_seconds=seconds) | PipelineCrashingError(retry_after_seconds=seconds):
            return {"Retry-After": str(seconds)}
        case DrainingError() | StoreUnavailableError():
            return {"Retry-After": str(_RETRY_AFTER_SECONDS)}
    return {}


def _response(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    return Response(encode_json(problem), problem.status, headers, media_type=PROBLEM)

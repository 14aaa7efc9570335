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
from kedro_asgi.schemas import Problem
from kedro_asgi.server.access.audit import log_refusal
from kedro_asgi.server.access.refusals import AccessRefusedError
from kedro_asgi.server.errors import InvalidBodyError, quoted_problems

MEDIA_TYPE = "application/problem+json"
_TYPE = "urn:kedro-asgi:problem:"

# For each error: the end of the problem's type, its title and its status.
_PROBLEMS: Mapping[type[DispatchError], tuple[str, str, int]] = {
    QueueFullError: ("queue-full", "Too many runs", 429),
    DrainingError: ("draining", "The server is shutting down", 503),
    PipelineCrashingError: ("pipeline-crashing", "The pipeline crashes its process", 503),
    StoreUnavailableError: ("store-unavailable", "The store of runs is not available", 503),
    RunNotFoundError: ("run-not-found", "No such run", 404),
    ScheduleNotFoundError: ("schedule-not-found", "No such schedule", 404),
    OutputNotFoundError: ("output-not-found", "No such output", 404),
    NotificationNotFoundError: ("notification-not-found", "No such notification", 404),
    WebhookNotFoundError: ("webhook-not-configured", "The webhook is not configured", 409),
    RunNotEndedError: ("run-not-ended", "The run has not ended", 409),
    OrderNotKeptError: ("order-not-kept", "The run cannot be repeated", 409),
    NothingToResumeError: ("nothing-to-resume", "The run cannot be repeated from its failure", 409),
    OutOfRangeError: ("out-of-range", "A value is out of its range", 422),
    KeyReusedError: ("idempotency-key-reused", "The idempotency key stands for another run", 422),
    UnstorableRunError: ("unstorable-run", "The run cannot be stored", 422),
}
_HTTP_PROBLEMS: Mapping[int, tuple[str, str]] = {
    404: ("pipeline-not-found", "No such pipeline"),
    406: ("not-acceptable", "The answer has no such form"),
    408: ("body-timeout", "The body is too late"),
    413: ("body-too-large", "The body is too large"),
    415: ("unsupported-media-type", "The body has another form"),
    422: ("invalid-body", "Invalid body"),
}
# A server that is shutting down, or a store that failed, may be back after this time.
_RETRY_AFTER_SECONDS = 5


class InvalidQueryError(Exception):
    """A header or a query parameter is invalid."""


async def explain_dispatch_error(request: Request, error: Exception, *, busy_status: int) -> Response:
    """Return the response for an error of the dispatcher."""
    assert isinstance(error, DispatchError)
    problem = dispatch_problem(error)
    if isinstance(error, QueueFullError):
        problem = msgspec.structs.replace(problem, status=busy_status)
    return _response(problem, _retry_after(error))


def dispatch_problem(error: DispatchError) -> Problem:
    """Return the problem that an error of the dispatcher is."""
    slug, title, status = _PROBLEMS.get(type(error), ("failed", "The request failed", 500))
    return Problem(
        type=_TYPE + slug, title=title, status=status, detail=str(error), run_id=getattr(error, "run_id", None)
    )


async def explain_refusal(request: Request, error: Exception) -> Response:
    """Log that a request is refused, and return the response."""
    assert isinstance(error, AccessRefusedError)
    log_refusal(request.scope, status=error.status, reason=str(error))
    problem = Problem(type=_TYPE + error.slug, title=error.title, status=error.status, detail=str(error))
    return _response(problem, error.headers)


async def explain_query_error(request: Request, error: Exception) -> Response:
    """Return a 422 response for an invalid header or query parameter."""
    return _response(Problem(type=f"{_TYPE}invalid-query", title="Invalid query", status=422, detail=str(error)))


async def explain_body_error(request: Request, error: InvalidBodyError) -> Response:
    """Return a 422 response that lists all problems of a body."""
    detail = "; ".join(f"{'.'.join(map(str, found.loc))}: {found.msg}" for found in error.problems)
    problem = Problem(
        type=f"{_TYPE}invalid-body",
        title="Invalid body",
        status=422,
        detail=detail,
        errors=await quoted_problems(error),
    )
    return _response(problem)


async def explain_http_error(request: Request, error: HTTPException) -> Response:
    """Return the response for an error of a route itself, such as a body that is too large."""
    slug, title = _HTTP_PROBLEMS.get(error.status_code, ("refused", "Refused"))
    problem = Problem(type=_TYPE + slug, title=title, status=error.status_code, detail=str(error.detail))
    return _response(problem, error.headers)


def explain_project_error(error: BaseException) -> Response:
    """Return the response for a pipeline that cannot be found or read.

    404 stands for an unknown pipeline, 422 for an unknown namespace or a slice that selects nothing, 503 for a project
    that cannot be read.
    """
    if isinstance(error, PipelineNotFoundError):
        reason = f" Its module cannot be imported: {error.problem}" if error.problem else suggestion(error.matches)
        detail = f"There is no pipeline '{error.name}'.{reason}"
        return _response(
            Problem(type=f"{_TYPE}pipeline-not-found", title="No such pipeline", status=404, detail=detail)
        )
    if isinstance(error, NamespaceNotFoundError):
        return _response(Problem(type=f"{_TYPE}invalid-query", title="Invalid query", status=422, detail=str(error)))
    if isinstance(error, SelectionError):
        return _response(Problem(type=f"{_TYPE}invalid-slice", title="Invalid slice", status=422, detail=str(error)))
    if isinstance(error, NoPreviewError):
        return _response(Problem(type=f"{_TYPE}no-preview", title="No preview", status=404, detail=str(error)))
    if isinstance(error, PreviewFailedError):
        problem = Problem(type=f"{_TYPE}preview-failed", title="The preview failed", status=409, detail=str(error))
        return _response(problem)
    title = "The project cannot be read"
    problem = Problem(type=f"{_TYPE}project-failed", title=title, status=503, detail=failure_sentence(error))
    return _response(problem, {"Retry-After": str(_RETRY_AFTER_SECONDS)})


async def explain_unreadable_project(request: Request, error: Exception) -> Response:
    """Return the response where the project's ``pyproject.toml`` cannot be read."""
    return explain_project_error(error)


def explain_preview_timeout(name: str, *, seconds: float) -> Response:
    """Return a 503 response for a preview that takes too long."""
    detail = f"The preview of dataset '{name}' takes longer than {seconds:g} seconds."
    problem = Problem(type=f"{_TYPE}preview-timeout", title="The preview takes too long", status=503, detail=detail)
    return _response(problem, {"Retry-After": str(_RETRY_AFTER_SECONDS)})


def _retry_after(error: DispatchError) -> dict[str, str]:
    match error:
        case QueueFullError(retry_after_seconds=seconds) | PipelineCrashingError(retry_after_seconds=seconds):
            return {"Retry-After": str(seconds)}
        case DrainingError() | StoreUnavailableError():
            return {"Retry-After": str(_RETRY_AFTER_SECONDS)}
    return {}


def _response(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    return Response(encode_json(problem), problem.status, headers, media_type=MEDIA_TYPE)

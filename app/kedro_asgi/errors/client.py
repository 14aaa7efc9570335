"""Errors of the client."""

from typing import Literal

from kedro_asgi.errors.base import KedroAsgiError


class ClientError(KedroAsgiError):
    """Root of all errors of the client."""


class ServerUnreachableError(ClientError):
    """The client got no response: no connection, a broken one, or a timeout."""

    def __init__(self, base_url: str, reason: str) -> None:
        self.base_url = base_url
        super().__init__(f"No answer from {base_url}: {reason}")


class ServerStatusError(ClientError):
    """The server refused the request, with an HTTP status other than 200."""

    def __init__(self, status_code: int, body: str) -> None:
        self.status_code, self.body = status_code, body
        shown = "a web page; is it a kedro-asgi server?" if body.lstrip().startswith("<") else body[:500]
        super().__init__(f"The server answered {status_code}: {shown}")


class InvalidRequestError(ServerStatusError):
    """The server does not accept a request of this shape (422)."""

    def __init__(self, body: str) -> None:
        super().__init__(422, body)


class ProblemError(ServerStatusError):
    """The server refused the request with a reason; ``type`` is stable, ``retry_after_seconds`` is when to retry."""

    def __init__(self, status_code: int, type_: str, detail: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(status_code, detail)
        self.type, self.detail, self.retry_after_seconds = type_, detail, retry_after_seconds


class InvalidTokenError(ClientError, ValueError):
    """A token holds characters that no token has; the client sent nothing."""

    def __init__(self) -> None:
        super().__init__("The token holds characters that no token has, such as spaces or line breaks.")


class UnencodableRequestError(ClientError, TypeError):
    """A request holds a value that has no form in JSON, or in Arrow; the client sent nothing."""

    def __init__(self, reason: str, form: Literal["JSON", "Arrow"] = "JSON") -> None:
        super().__init__(f"The request cannot be encoded as {form}: {reason}")


class UnknownLibraryError(ClientError, ValueError):
    """A caller asks for frames of a library that has none; the client sent nothing."""

    def __init__(self, library: object, known: tuple[str, ...]) -> None:
        super().__init__(f"'frames' must be one of {', '.join(map(repr, known))}, not {library!r}.")


class InvalidAnswerError(ClientError):
    """The response is not one of a kedro-asgi server that this client knows."""

    def __init__(self, url: str, reason: str) -> None:
        self.url = url
        super().__init__(f"The answer of {url} cannot be read: {reason}")


class ProjectFailedError(ClientError):
    """The server cannot show its project; ``type`` and ``message`` are the server's error."""

    def __init__(self, type_: str, message: str) -> None:
        self.type, self.message = type_, message
        super().__init__(f"{type_}: {message}")


class RunFailedError(ProjectFailedError):
    """A run failed on the server; ``type`` and ``message`` are the run's error."""

    def __init__(self, run_id: str, type_: str, message: str) -> None:
        self.run_id = run_id
        super().__init__(type_, message)

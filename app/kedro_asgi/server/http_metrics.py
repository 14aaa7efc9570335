"""Counts requests and measures them, by route."""

from collections.abc import Awaitable
from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kedro_asgi.metrics.counts import Histogram
from kedro_asgi.metrics.families import gauge, histogram

REQUEST_SECONDS = histogram(
    "http_request_seconds",
    "Time from a request to the start of its answer, by method, route and status.",
    "method",
    "route",
    "status",
    bounds=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
)
IN_PROGRESS = gauge("http_requests_in_progress", "Requests whose answers are not complete, such as streams of events.")

# Callers invent methods and paths; these make no labels.
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"))
_OTHER_METHOD, _NO_ROUTE = "__other__", "__none__"
# As servers log it: the client hung up before there was an answer.
CLOSED_REQUEST = 499


class HttpMetrics:
    """The requests to one application. Belongs to one event loop."""

    families = (REQUEST_SECONDS, IN_PROGRESS)

    def __init__(self) -> None:
        self.in_progress = 0
        self.request_seconds = Histogram(REQUEST_SECONDS)

    def answered(self, method: str, route: str | None, status: int = CLOSED_REQUEST, *, since: float) -> None:
        """An answer has begun, or there will be none; the request came at that time of ``perf_counter``."""
        method = method if method in _METHODS else _OTHER_METHOD
        self.request_seconds.observe(perf_counter() - since, (method, route or _NO_ROUTE, str(status)))


def route_of(scope: Scope, former_route: object) -> str | None:
    """Return the template of the route of a request; ``former_route`` is that of a host in front, which is none."""
    route = scope.get("route")
    path: str | None = None if route is former_route else getattr(route, "path", None)
    return path


class HttpMetricsMiddleware:
    """Measures each request until its answer begins; the first middleware, so it sees refusals too."""

    def __init__(self, app: ASGIApp, metrics: HttpMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        metrics, former_route, begun = self._metrics, scope.get("route"), perf_counter()
        has_begun = False

        def send_noted(message: Message) -> Awaitable[None]:
            nonlocal has_begun
            if not has_begun and message["type"] == "http.response.start":
                has_begun = True
                metrics.answered(scope["method"], route_of(scope, former_route), message["status"], since=begun)
            return send(message)

        status = CLOSED_REQUEST
        metrics.in_progress += 1
        try:
            await self._app(scope, receive, send_noted)
        except Exception:
            # The layer in front of all middleware answers.
            status = 500
            raise
        finally:
            metrics.in_progress -= 1
            if not has_begun:
                metrics.answered(scope["method"], route_of(scope, former_route), status, since=begun)

"""The scope that each route asks for. A route that is not here is for *admin* only, and a test names it."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from kedro_asgi.server.access.caller import AccessScope


class Rule(msgspec.Struct, frozen=True):
    """The scope that a route asks for; ``None`` is open to all, and ``any`` to every caller that is known.

    A route that ``shows_all`` tells of all pipelines at once, so a caller with a limit is refused.
    """

    scope: AccessScope | Literal["any"] | None
    shows_all: bool = False


OPEN = Rule(None)
_READ, _RUN = Rule("read"), Rule("run")
_READ_ALL = Rule("read", shows_all=True)
UNKNOWN = Rule("admin", shows_all=True)

# The pages are the same for all, and hold nothing of the project: what they show comes through the routes above them.
# ``/ready`` shows its details only to *read*.
RULES: Mapping[tuple[str, str], Rule] = {
    ("GET", "/health"): OPEN,
    ("GET", "/ready"): OPEN,
    ("POST", "/reload"): Rule("admin", shows_all=True),
    ("GET", "/snapshot"): _READ_ALL,
    ("POST", "/run"): _RUN,
    ("POST", "/runs"): _RUN,
    ("GET", "/runs"): _READ,
    ("GET", "/runs/{run_id}"): _READ,
    ("POST", "/runs/{run_id}/cancel"): Rule("cancel"),
    ("POST", "/runs/{run_id}/rerun"): _RUN,
    ("GET", "/runs/{run_id}/events"): _READ,
    ("GET", "/runs/{run_id}/nodes"): _READ,
    ("GET", "/runs/{run_id}/timeline.svg"): _READ,
    ("GET", "/runs/{run_id}/outputs/{name:path}"): _READ,
    ("GET", "/events"): _READ,
    ("GET", "/notifications"): Rule("admin", shows_all=True),
    ("POST", "/notifications/{notification_id}/send"): Rule("admin", shows_all=True),
    ("GET", "/metrics"): _READ_ALL,
    ("GET", "/openapi.json"): _READ_ALL,
    ("GET", "/schedules"): _READ,
    ("POST", "/schedules/{name}/pause"): Rule("admin"),
    ("POST", "/schedules/{name}/resume"): Rule("admin"),
    ("POST", "/schedules/{name}/run"): _RUN,
    ("GET", "/batching"): _READ,
    ("GET", "/pipelines"): _READ,
    ("GET", "/pipelines/{name:path}"): _READ,
    ("GET", "/pipelines/{name:path}/graph.svg"): _READ,
    ("GET", "/pipelines/{name:path}/schema"): _READ,
    ("POST", "/pipelines/{name:path}/run"): _RUN,
    ("GET", "/pipelines/{name:path}/run"): _READ,
    ("GET", "/v2"): OPEN,
    ("GET", "/v2/health/live"): OPEN,
    ("GET", "/v2/health/ready"): OPEN,
    ("GET", "/v2/models"): _READ,
    ("GET", "/v2/models/{name:path}"): _READ,
    ("GET", "/v2/models/{name:path}/ready"): _READ,
    ("GET", "/v2/models/{name:path}/config"): _READ,
    ("GET", "/v2/models/{name:path}/infer"): _READ,
    ("POST", "/v2/models/{name:path}/infer"): _RUN,
    ("GET", "/v2/models/{name:path}/versions/{version:path}"): _READ,
    ("POST", "/v2/models/{name:path}/versions/{version:path}"): _RUN,
    ("POST", "/v2/repository/index"): _READ,
    ("GET", "/datasets/{name:path}/preview"): _READ,
    ("GET", "/api/main"): _READ_ALL,
    ("GET", "/api/pipelines/{name:path}"): _READ_ALL,
    ("GET", "/api/nodes/{name:path}"): _READ_ALL,
    ("GET", "/api/run-status"): _READ_ALL,
    ("GET", "/api/version"): _READ_ALL,
    ("GET", "/api/metadata"): _READ_ALL,
    ("GET", "/"): OPEN,
    ("GET", "/dashboard"): OPEN,
    ("GET", "/dashboard/plotly.js"): OPEN,
    ("GET", "/dashboard/{path:path}"): OPEN,
    # Its tools ask for *run* and its resources for *read*, each with the caller's limits.
    ("POST", "/mcp"): Rule("any"),
    ("GET", "/docs"): OPEN,
    ("GET", "/docs/{path:path}"): OPEN,
}


def rule_of(method: str, path: str) -> Rule:
    """Return the rule of a route; ``HEAD`` is ``GET`` without a body."""
    return RULES.get(("GET" if method == "HEAD" else method, path), UNKNOWN)

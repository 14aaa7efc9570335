"""The lines of ``serve`` and ``demo`` before they serve: the project and the addresses."""

from kedro_asgi.errors.wording import one_line
from kedro_asgi.project import Project
from kedro_asgi.redaction import redact
from kedro_asgi.server.configuration import ServerConfiguration

_ROUTES = ("run", "runs", "pipelines", "snapshot", "ready", "health", "metrics", "openapi.json")
# Hosts that mean all addresses of the machine; a browser cannot open them everywhere.
_ALL_ADDRESSES = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}


def server_url(host: str, port: int, *, scheme: str = "http") -> str:
    """Return the URL of a server on this machine; the system chooses the port 0."""
    name = _ALL_ADDRESSES.get(host) or (f"[{host}]" if ":" in host else host)
    return f"{scheme}://{name}:{port or '<port>'}"


def greeting(project: Project, configuration: ServerConfiguration, *, url: str, access: str) -> str:
    """Return what is served, where and for whom, as lines."""
    env = f", environment '{configuration.env}'" if configuration.env else ""
    served = f"{project.project_name} (package {project.package_name}{env}) from {configuration.project_path}"
    return "\n".join(
        [
            f"Serving {one_line(served)}",
            *page_lines(configuration, url),
            f"  API        {url} ({', '.join(_routes(configuration))})",
            f"  store      {one_line(redact(configuration.store))}",
            f"  access     {one_line(access)}",
            f"  run it     curl -s {url}/run{_token(configuration)} -H 'Content-Type: application/json' -d '{{}}'",
            "",
        ]
    )


def _routes(configuration: ServerConfiguration) -> list[str]:
    return [f"/{route}" for route in _ROUTES if route != "metrics" or configuration.metrics]


def _token(configuration: ServerConfiguration) -> str:
    return ' -H "Authorization: Bearer $TOKEN"' if configuration.access.is_on else ""


def page_lines(configuration: ServerConfiguration, url: str, *, run_id: str | None = None) -> list[str]:
    """Return a line for each page that the server has: the dashboard, one run in it, the API; and for agents."""
    lines = []
    if configuration.dashboard:
        lines.append(f"  dashboard  {url}/dashboard/")
        if run_id is not None:
            lines.append(f"  a run      {url}/dashboard/#/runs/{run_id}")
    if configuration.docs:
        lines.append(f"  docs       {url}/docs")
    if configuration.mcp:
        lines.append(f"  agents     {url}/mcp")
    return lines

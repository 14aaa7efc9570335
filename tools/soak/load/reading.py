"""Callers that read: lists, pages, pictures, documents and figures."""

from soak.load.caller import Caller

_PATHS = (
    "/runs?limit=20",
    "/runs?status=running&status=queued",
    "/runs?pipeline=double&limit=100",
    "/pipelines",
    "/pipelines/double",
    "/pipelines/double/graph.svg",
    "/pipelines/total/schema",
    "/snapshot",
    "/openapi.json",
    "/docs",
    "/dashboard/",
    "/dashboard/pages.js",
    "/dashboard/theme.css",
    "/metrics",
    "/health",
)


async def browse(caller: Caller) -> None:
    """Read something that every project has."""
    await caller.ask("GET", caller.random.choice(_PATHS), follow_redirects=True)


async def read_run(caller: Caller) -> None:
    """Read what there is of one of the newest runs."""
    page = (await caller.ask("GET", "/runs?limit=10")).json()
    if page["runs"]:
        run_id = caller.random.choice(page["runs"])["run_id"]
        part = caller.random.choice(("", "/nodes", "/timeline.svg"))
        await caller.ask("GET", f"/runs/{run_id}{part}")


async def reload(caller: Caller) -> None:
    """Make a worker read the project again."""
    await caller.ask("POST", "/reload")

"""The modules that a server imports when it starts: only those that most servers use."""

import subprocess
import sys
from pathlib import Path

from serving import clean_environment

# Each is imported when a caller first needs it.
RARELY_USED = (
    "jsonschema_rs",
    "kedro",
    "kedro_asgi.config.archive_source",
    "kedro_asgi.dispatch.batching",
    "kedro_asgi.dispatch.executors.dask",
    "kedro_asgi.dispatch.executors.process",
    "kedro_asgi.dispatch.stores.postgres",
    "kedro_asgi.dispatch.webhooks",
    "kedro_asgi.graph",
    "kedro_asgi.inference_schemas",
    "kedro_asgi.metrics.exposition",
    "kedro_asgi.pipeline.preview_contract",
    "kedro_asgi.pipeline_schemas",
    "kedro_asgi.runner.chunk_window",
    "kedro_asgi.runner.cluster",
    "kedro_asgi.runner.dask_runner",
    "kedro_asgi.runner.parallel_runner",
    "kedro_asgi.server.inference",
    "kedro_asgi.server.columnar.answers",
    "kedro_asgi.server.columnar.bodies",
    "kedro_asgi.server.columnar.query_fields",
    "kedro_asgi.server.openapi",
    "kedro_asgi.server.pipeline_answers",
    "kedro_asgi.server.stream_forms",
    "kedro_asgi.server.streamed_runs",
    "kedro_asgi.server.typed_pipeline",
    "kedro_asgi.server.viz_answers",
    "kedro_asgi.session.chunk_queue",
    "kedro_asgi.session.run_stream",
    "kedro_asgi.signatures",
    "kedro_asgi.tables.arrow",
    "kedro_asgi.viz",
    "cronsim",
    "dask",
    "difflib",
    "distributed",
    "kedro_asgi.dispatch.schedules",
    "kedro_asgi.server.schedule_definitions",
    "httpx",
    "httpx2",
    "kedro_asgi.server.mcp",
    "mcp",
    "mcp_types",
    "multiprocessing.managers",
    "numpy",
    "opentelemetry",
    "pandas",
    "pprint",
    "prometheus_client",
    "psycopg",
    "pyarrow",
    "pydantic",
    "rich",
    "tarfile",
    "trio",
    "xml",
)

# The engine is imported by the thread that opens the project, while the server answers already.
ENGINE = tuple(f"kedro_asgi.{room}" for room in ("bridge", "config", "hooks", "io", "pipeline", "plan", "project"))


def _imported(code: str, *arguments: str) -> set[str]:
    line = [sys.executable, "-c", f"import sys\n{code}\nprint(*sys.modules)", *arguments]
    done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=True, env=clean_environment())
    return set(done.stdout.split())


def test_a_server_imports_nothing_that_few_servers_use() -> None:
    assert (
        sorted(
            _imported("import kedro_asgi.server")
            & {*RARELY_USED, *ENGINE, "fractions", "importlib.metadata", "importlib.resources"}
        )
        == []
    )


RUN = """
import anyio, httpx
from kedro_asgi.server import create_http_server

async def main():
    app = create_http_server(sys.argv[1], store="memory:")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://server") as client:
        assert (await client.post("/run", json={"outputs": ["d"]})).json()["outputs"] == {"d": 6}

anyio.run(main)
"""
# Rooms of the server that a plain run must not need.
UNUSED = (
    "dispatch.batching",
    "dispatch.webhooks",
    "server.columnar.answers",
    "server.columnar.bodies",
    "server.inference",
    "server.mcp",
    "viz",
)


def test_a_plain_run_imports_nothing_of_batching_streams_columns_inference_and_agents(tiny: Path) -> None:
    found = _imported(RUN, str(tiny))
    assert "kedro_asgi.dispatch.dispatcher" in found
    rooms = [f"kedro_asgi.{room}" for room in UNUSED]
    assert [name for name in found for room in rooms if name == room or name.startswith(f"{room}.")] == []
    assert sorted(found & {"mcp", "pyarrow", "pandas", "polars", "opentelemetry", "distributed"}) == []


def test_a_command_imports_no_other_command() -> None:
    code = "from kedro_asgi.cli import main; main.get_command(None, 'serve')"
    assert sorted(_imported(code) & {*RARELY_USED, "kedro_asgi.cli.graph", "kedro_asgi.cli.run"}) == []


def test_inference_needs_no_numpy() -> None:
    code = "import kedro_asgi.server.inference.endpoints"
    assert sorted(_imported(code) & {"numpy", "pandas", "pyarrow"}) == []

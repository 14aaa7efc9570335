"""What a server pays for when it starts: only what most servers use."""

import subprocess
import sys

from serving import clean_environment

# Each is imported when a caller first needs it.
RARELY_USED = (
    "jsonschema_rs",
    "kedro",
    "kedro_asgi.config.archive_source",
    "kedro_asgi.dispatch.stores.postgres",
    "kedro_asgi.graph",
    "kedro_asgi.pipeline_schemas",
    "kedro_asgi.runner.parallel_runner",
    "kedro_asgi.server.openapi",
    "kedro_asgi.server.pipeline_answers",
    "kedro_asgi.server.typed_pipeline",
    "kedro_asgi.server.viz_answers",
    "kedro_asgi.signatures",
    "kedro_asgi.viz",
    "difflib",
    "httpx",
    "multiprocessing.managers",
    "numpy",
    "pandas",
    "pprint",
    "psycopg",
    "rich",
    "tarfile",
    "trio",
    "xml",
)


def test_a_server_imports_nothing_that_few_servers_use() -> None:
    code = "import sys, kedro_asgi.server; print(*sys.modules)"
    line = [sys.executable, "-c", code]
    done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=True, env=clean_environment())
    assert sorted(set(RARELY_USED) & set(done.stdout.split())) == []

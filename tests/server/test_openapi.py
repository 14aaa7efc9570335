"""The OpenAPI document (SRV-55)."""

import httpx
import pytest

pytestmark = pytest.mark.anyio

SCHEMAS = {
    "DatasetSnapshot",
    "ErrorDetail",
    "HTTPValidationError",
    "HealthResponse",
    "NodeSnapshot",
    "NodeSourceSnapshot",
    "PipelineSnapshot",
    "Problem",
    "ProjectMetadataSnapshot",
    "RunPage",
    "RunRecord",
    "RunSubmission",
    "RunFailure",
    "RunRequest",
    "RunSuccess",
    "SnapshotFailure",
    "SnapshotSuccess",
    "ValidationError",
}


async def test_the_document_describes_kedros_operations_and_schemas(tiny_served: httpx.AsyncClient) -> None:
    document = (await tiny_served.get("/openapi.json")).json()
    assert document["openapi"] == "3.1.0"
    assert document["info"] == {"title": "Kedro Server", "version": "1.7.0"}
    operations = {path: next(iter(verbs.values()))["operationId"] for path, verbs in document["paths"].items()}
    kedro_operations = {
        "/health": "health_health_get",
        "/snapshot": "get_snapshot_snapshot_get",
        "/run": "run_pipeline_run_post",
    }
    assert operations.items() >= kedro_operations.items()
    assert operations.keys() >= {"/ready", "/reload", "/runs", "/events", "/metrics"}
    assert set(document["components"]["schemas"]) >= SCHEMAS
    assert document["components"]["schemas"]["RunRequest"]["additionalProperties"] is False
    answer = document["paths"]["/run"]["post"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert answer["discriminator"]["propertyName"] == "status"

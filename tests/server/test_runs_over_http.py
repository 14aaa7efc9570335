"""The routes of runs, called in this process."""

import json
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import anyio
import httpx
import pytest

from kedro_asgi.dispatch import Policy

pytestmark = pytest.mark.anyio

FOREVER = {"pipeline_names": ["wait"], "params": {"seconds": 30}}


@pytest.fixture
def client(work: Path, serve) -> httpx.AsyncClient:
    return serve(work, store="memory:", policy=Policy(max_concurrent_runs=2, max_queued_runs=1, grace_seconds=0))


async def submit(client: httpx.AsyncClient, *, wait: float = 0, **body: object) -> dict:
    answer = await client.post("/runs", params={"wait": wait}, json=body)
    assert answer.status_code == 202, answer.text
    return answer.json()


async def test_a_submitted_run_has_its_own_url(client: httpx.AsyncClient) -> None:
    answer = await client.post("/runs", json={"outputs": ["d"], "labels": {"team": "ml"}})
    assert answer.status_code == 202
    record = answer.json()
    assert answer.headers["location"] == f"/runs/{record['run_id']}"
    assert (record["status"], record["labels"]) == ("queued", {"team": "ml"})
    done = (await client.get(answer.headers["location"], params={"wait": 60})).json()
    assert (done["status"], done["outputs"]) == ("success", ["d"])
    assert (await client.get(f"{answer.headers['location']}/outputs/d")).json() == 6


@pytest.mark.parametrize("how", [{"params": {"wait": "60"}}, {"headers": {"Prefer": "respond-async, wait=60"}}])
async def test_submit_waits_for_the_end_on_request(client: httpx.AsyncClient, how: dict) -> None:
    answer = await client.post("/runs", json={}, **how)
    assert (answer.status_code, answer.json()["status"]) == (202, "success")
    assert answer.headers.get("preference-applied") == ("respond-async, wait=60" if "headers" in how else None)


@pytest.mark.parametrize("prefix", ["/deep", "/データ"])
async def test_the_location_includes_the_mount_path(work: Path, prefix: str) -> None:
    from starlette.applications import Starlette
    from starlette.routing import Mount

    from kedro_asgi.server import create_http_server

    app = Starlette(routes=[Mount(prefix, create_http_server(work, store="memory:"))])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://host") as http:
        answer = await http.post(f"{prefix}/runs", json={})
        assert answer.headers["location"].startswith(f"{quote(prefix)}/runs/")
        assert (await http.get(answer.headers["location"])).status_code == 200


async def test_runs_are_listed_and_filtered(client: httpx.AsyncClient) -> None:
    before = datetime.now(UTC)
    first = await submit(client, wait=60, pipeline_names=["calc"], labels={"team": "ml"})
    second = await submit(client, wait=60, pipeline_names=["boom"])
    third = (await client.post("/run", json={})).json()

    async def ids(**query: object) -> list[str]:
        answer = await client.get("/runs", params=query)
        assert answer.status_code == 200, answer.text
        return [found["run_id"] for found in answer.json()["runs"]]

    assert await ids() == [third["run_id"], second["run_id"], first["run_id"]]
    assert await ids(pipeline="calc") == [first["run_id"]]
    assert await ids(label="team=ml") == [first["run_id"]]
    assert await ids(pipeline="__default__") == [third["run_id"]]
    assert await ids(status="failure") == [second["run_id"]]
    assert await ids(status=["failure", "success"], limit=2) == [third["run_id"], second["run_id"]]
    assert await ids(label=["team=ml", "team=web"]) == []
    assert await ids(since="0001-01-01T00:00:00+14:00") == await ids()
    assert await ids(since=before.isoformat()) == await ids()
    page = (await client.get("/runs", params={"limit": 2})).json()
    assert await ids(limit=2, cursor=page["cursor"]) == [first["run_id"]]


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("/runs?status=odd", "'status' must be one of queued, running, success"),
        ("/runs?label=odd", "'label' must be of the form name=value"),
        ("/runs?since=yesterday", "'since' must be a time"),
        *((f"/runs?limit={odd}", "'limit' must be a whole number from 1") for odd in ("-1", "0", "1.5", "9" * 5000)),
        ("/runs?cursor=xx", "'cursor' must come from an earlier page, not 'xx'"),
        ("/runs?state=running", "'state' is unknown; the parameters of a list are status, pipeline, label"),
        ("/runs/x/events?after=odd", "'after' must be a whole number from 0"),
        *(
            (f"/runs/x?wait={odd}", "'wait' must be a number from 0 to 600")
            for odd in ("long", "-1", "601", "nan", "1_0")
        ),
        ("/runs?wait=10", "'wait' waits for the end of one run: give it to GET /runs/{run_id}"),
        ("/runs?limit=1001", "'limit' must be a whole number from 1 to 1000, not '1001'"),
        ("/runs?limit=1&limit=2", "'limit' may be given only once"),
        ("/runs?" + "&".join(["label=a=b"] * 1100), "'label' may be given 50 times at most, not 1100 times"),
        ("/runs?label==b", "'label' must be of the form name=value"),
        ("/runs?status=success&status=odd", "'status' must be one of"),
        ("/events?event=RunEnded&event=Odd", "'event' must be one of DatasetSaved, EventsLost"),
        *((f"/events?after={odd}", "'after' is not a position") for odd in ("odd", "-1", f"-{'9' * 20}.1", "1_0")),
    ],
)
async def test_an_invalid_query_is_a_problem(client: httpx.AsyncClient, path: str, problem: str) -> None:
    answer = await client.get(path)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:kedro-asgi:problem:invalid-query"
    assert problem in answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({"timeout_seconds": 0}, ["greater_than"]),
        ({"timeout_seconds": "1"}, ["float_type"]),
        ({"labels": {"a": 1}, "env": "prod"}, ["string_type", "extra_forbidden"]),
        ({"labels": []}, ["dict_type"]),
        ({"timeout_seconds": 10**309}, ["less_than_equal"]),
        ({"timeout_seconds": 31_536_001}, ["less_than_equal"]),
        ({"labels": {"a=b": "c", "": "d"}}, ["value_error", "value_error"]),
        ({"labels": {"a": "b" * 1025, "c" * 256: "d"}}, ["value_error", "value_error"]),
        ({"labels": {str(number): "" for number in range(51)}}, ["too_long"]),
        ({"on_interrupt": "again"}, ["literal_error"]),
        ({"pipeline_names": "calc"}, ["list_type"]),
    ],
)
async def test_a_body_that_cannot_be_read_is_a_problem(client: httpx.AsyncClient, body: dict, errors: list) -> None:
    answer = await client.post("/runs", json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert [error["type"] for error in answer.json()["errors"]] == errors


@pytest.mark.parametrize("route", ["run", "runs"])
@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999"])
async def test_numbers_that_json_does_not_have_are_refused_as_inputs(
    client: httpx.AsyncClient, route: str, number: str
) -> None:
    headers = {"Content-Type": "application/json"}
    body = '{"inputs": {"s": [1, {"a": NUMBER}]}, "outputs": ["d"]}'.replace("NUMBER", number)
    answer = await client.post(f"/{route}", content=body, headers=headers)
    assert answer.status_code == 422
    problem = (answer.json().get("detail") if route == "run" else answer.json()["errors"])[0]
    assert (problem["type"], problem["loc"]) == ("finite_number", ["body", "inputs", "s", 1, "a"])
    deep = '{"inputs": {"s": [1' + ", [" * 900 + "]" * 901 + ', "b": NaN}}'
    answer = await client.post(f"/{route}", content=deep, headers=headers)
    assert answer.status_code == 422


@pytest.mark.parametrize("labels", [r'{"a": "\ud800"}', r'{"\udfff": "a"}'])
async def test_labels_that_no_url_can_name_are_refused(client: httpx.AsyncClient, labels: str) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await client.post("/runs", content=f'{{"labels": {labels}}}', headers=headers)
    assert answer.status_code == 422
    assert "valid Unicode" in answer.json()["detail"]


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999"])
async def test_numbers_that_json_does_not_have_reach_the_nodes_as_parameters(
    client: httpx.AsyncClient, work: Path, number: str
) -> None:
    body = '{"pipeline_names": ["count"], "params": {"a": NUMBER}}'.replace("NUMBER", number)
    for route in ("/run", "/runs?wait=30"):
        answer = await client.post(route, content=body, headers={"Content-Type": "application/json"})
        assert answer.json()["status"] == "success"
    text = str(float(number))
    assert (await client.get("/runs")).json()["runs"][0]["request"]["params"] == {"a": text}
    assert (work.parent / "started").read_text().split() == [text, text]


async def test_kedros_route_takes_kedros_body(client: httpx.AsyncClient) -> None:
    answer = await client.post("/run", json={"timeout_seconds": 1})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["type"] == "extra_forbidden"


async def test_a_body_that_is_too_large_is_a_problem(work: Path, serve) -> None:
    answer = await serve(work, max_body_bytes=10).post("/runs", json={"labels": {"a": "b"}})
    assert (answer.status_code, answer.json()["type"]) == (413, "urn:kedro-asgi:problem:body-too-large")


async def test_a_missing_run_or_output_is_a_problem(client: httpx.AsyncClient) -> None:
    for method, path in [("GET", "/runs/x"), ("POST", "/runs/x/cancel"), ("GET", "/runs/x/events")]:
        answer = await client.request(method, path)
        assert answer.status_code == 404
        assert answer.json()["type"] == "urn:kedro-asgi:problem:run-not-found"
    run = await submit(client, wait=60)
    answer = await client.get(f"/runs/{run['run_id']}/outputs/d")
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:kedro-asgi:problem:output-not-found")


async def test_over_the_limits_only_runs_are_refused(client: httpx.AsyncClient) -> None:
    for _ in range(3):
        await submit(client, **FOREVER)
    for path in ("/run", "/runs"):
        answer = await client.post(path, json={})
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) >= 1
        assert answer.json()["type"] == "urn:kedro-asgi:problem:queue-full"
    for path in ("/health", "/metrics", "/runs", "/snapshot"):
        assert (await client.get(path)).status_code == 200
    assert 'kedro_asgi_runs_refused_total{reason="QueueFullError"} 2' in (await client.get("/metrics")).text


async def test_a_setting_changes_the_status_of_a_full_queue(work: Path, serve) -> None:
    client = serve(
        work, store="memory:", busy_status=503, policy=Policy(max_concurrent_runs=1, max_queued_runs=0, grace_seconds=0)
    )
    await submit(client, **FOREVER)
    assert (await client.post("/run", json={})).status_code == 503


async def test_a_run_is_cancelled(client: httpx.AsyncClient) -> None:
    run = await submit(client, **FOREVER)
    with anyio.fail_after(60):
        while (await client.get(f"/runs/{run['run_id']}")).json()["status"] != "running":
            await anyio.sleep(0.01)
    answer = await client.post(f"/runs/{run['run_id']}/cancel")
    assert answer.status_code in (200, 202)
    done = (await client.get(f"/runs/{run['run_id']}", params={"wait": 60})).json()
    assert (done["status"], done["error"]["type"]) == ("cancelled", "RunCancelledError")
    again = await client.post(f"/runs/{run['run_id']}/cancel")
    assert (again.status_code, again.json()) == (200, done)


async def test_a_run_has_a_time_limit(client: httpx.AsyncClient) -> None:
    done = await submit(client, wait=60, timeout_seconds=0.1, **FOREVER)
    assert (done["status"], done["timeout_seconds"]) == ("timed_out", 0.1)


async def test_a_key_stands_for_one_run(client: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "k"}
    first = await client.post("/runs", json={"outputs": ["d"], "params": {"a": 1, "b": 4}}, headers=headers)
    again = await client.post("/runs", json={"params": {"b": 4, "a": 1}, "outputs": ["d"]}, headers=headers)
    assert again.json()["run_id"] == first.json()["run_id"]
    assert again.headers["idempotent-replayed"] == "true"
    other = await client.post("/run", json={}, headers=headers)
    assert (other.status_code, other.json()["type"]) == (422, "urn:kedro-asgi:problem:idempotency-key-reused")
    same = await client.post("/run", json={"outputs": ["d"], "params": {"a": 1, "b": 4}}, headers=headers)
    assert same.json()["run_id"] == first.json()["run_id"]
    assert same.json()["outputs"] == {"d": 10}
    assert (await client.post("/runs", json={}, headers={"Idempotency-Key": "k" * 256})).status_code == 422


async def test_the_events_of_a_run_are_streamed(client: httpx.AsyncClient) -> None:
    run = await submit(client, wait=60)
    answer = await client.get(f"/runs/{run['run_id']}/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    frames = [frame.split("\n") for frame in answer.text.split("\n\n") if frame.startswith("id:")]
    assert [frame[0] for frame in frames] == [f"id: {number}" for number in range(1, len(frames) + 1)]
    events = [json.loads(frame[2].removeprefix("data: ")) for frame in frames]
    assert (events[0]["event"], events[-1]["event"], events[-1]["status"]) == ("RunQueued", "RunEnded", "success")
    rest = await client.get(f"/runs/{run['run_id']}/events", headers={"Last-Event-ID": str(len(frames) - 1)})
    assert rest.text.count("id: ") == 1
    assert [frame[1] for frame in frames] == [f"event: {event['event']}" for event in events]


@pytest.mark.parametrize("pipeline", ["calc", "boom"])
@pytest.mark.parametrize("route", ["run", "runs"])
async def test_a_browser_that_got_all_events_of_a_run_is_told_to_stop(
    client: httpx.AsyncClient, pipeline: str, route: str
) -> None:
    """Its EventSource connects again after every end but 204, with the id of the last event."""
    run_id = (await client.post(f"/{route}", json={"pipeline_names": [pipeline]}, params={"wait": 60})).json()["run_id"]
    last = (await client.get(f"/runs/{run_id}/events")).text.rpartition("id: ")[2].partition("\n")[0]
    answer = await client.get(f"/runs/{run_id}/events", headers={"Last-Event-ID": last})
    assert (answer.status_code, answer.content) == (204, b"")
    assert (await client.get(f"/runs/{run_id}/events", params={"after": last})).status_code == 204


async def test_the_server_is_ready_after_the_project_was_opened(client: httpx.AsyncClient) -> None:
    answer = await client.get("/ready")
    # The server must open the project to know which datasets to preload.
    assert (answer.status_code, answer.json()) == (503, {"status": "starting"})
    assert (await client.get("/ready")).json() == {"status": "ready"}


async def test_a_failed_run_of_kedros_route_has_a_record_too(client: httpx.AsyncClient) -> None:
    body = (await client.post("/run", json={"pipeline_names": ["boom"]})).json()
    record = (await client.get(f"/runs/{body['run_id']}")).json()
    assert record["error"] == body["error"]

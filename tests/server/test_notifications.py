"""A server reads its webhooks from the project alone, tells them of ends, and shows what is not delivered."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import anyio
import httpx
import pytest

from kedro_asgi.errors import KedroAsgiError, ProjectError, ServerSettingsError, WebhookError
from kedro_asgi.project import load_project
from kedro_asgi.run_ids import RunIds
from kedro_asgi.server import create_http_server
from kedro_asgi.session.served_session import open_served_session
from serving import Process
from webhook_receiver import SECRET, Receiver

pytestmark = pytest.mark.anyio

Serve = Callable[..., httpx.AsyncClient]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver().serving() as receiver:
        yield receiver


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPS_SECRET", SECRET)


def configure(project: Path, *lines: str) -> Path:
    with (project / "pyproject.toml").open("a") as file:
        file.write("\n".join(["[tool.kedro-asgi.notify.ops]", *lines, ""]))
    return project


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


async def test_a_run_over_http_is_told_and_what_fails_is_listed_and_sent_again(
    tiny: Path, serve: Serve, receiver: Receiver
) -> None:
    project = configure(tiny, f'url = "{receiver.url}/ok"', 'secret_env = "OPS_SECRET"')
    receiver.status = 410
    async with serve(project, public_url="https://example.com/") as client:
        run = (await client.post("/runs", json={}, params={"wait": 60})).json()
        with anyio.fail_after(60):
            while not (listed := (await client.get("/notifications?state=failed")).json())["notifications"]:
                await anyio.sleep(0.01)
        (found,) = listed["notifications"]
        assert (found["run_id"], found["webhook"], found["problem"]) == (run["run_id"], "ops", "It answered 410.")
        assert listed["counts"] == {"ops": {"pending": 0, "failed": 1}}
        assert receiver.deliveries[0].verified()["url"] == f"https://example.com/runs/{run['run_id']}"
        counted = (await client.get("/metrics")).text
        assert 'kedro_asgi_notification_attempts_total{outcome="failed",webhook="ops"} 1.0' in counted
        assert "\nkedro_asgi_notifications_pending " in counted
        receiver.status = 204
        sent = await client.post(f"/notifications/{found['notification_id']}/send")
        assert (sent.status_code, sent.json()["state"]) == (202, "pending")
        with anyio.fail_after(60):
            while (await client.get("/notifications")).json()["counts"]:
                await anyio.sleep(0.01)
        again = await client.post(f"/notifications/{found['notification_id']}/send")
        assert (again.status_code, again.json()["type"]) == (404, "urn:kedro-asgi:problem:notification-not-found")
    assert {one.id for one in receiver.deliveries} == {found["notification_id"]}


async def test_bad_queries_are_refused(tiny: Path, serve: Serve) -> None:
    async with serve(tiny) as client:
        assert (await client.get("/notifications")).json() == {"notifications": [], "counts": {}, "cursor": None}
        for query in ("state=lost", "limit=0", "limit=1001", "cursor=x", "state=failed&state=pending", "order=up"):
            assert (await client.get(f"/notifications?{query}")).status_code == 422, query
        assert (await client.get(f"/notifications?cursor={RunIds().next()}~ops")).status_code == 200


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (['url = "ftp://host/x"', 'secret_env = "S"'], "must begin with https:// or http://, not with 'ftp:'"),
        (['url = "https://"', 'secret_env = "S"'], "has no host"),
        (['url = "https://user:pw@host"', 'secret_env = "S"'], "'url' has credentials"),
        (['url = "https://host"'], "give either 'secret_env' or 'secret_file'"),
        (['url = "https://host"', 'secret = "whsec_x"'], "unknown field `secret`"),
        (['secret_env = "S"'], "give either 'url' or 'url_env'"),
        (['url = "https://host"', 'secret_env = "S"', 'on = ["failed"]'], "'on' names 'failed', and the ends of a run"),
        (['url = "https://host"', 'secret_env = "S"', "timeout_seconds = 0"], "timeout_seconds"),
        (['url = "https://host"', 'secret_env = "S"', "pipelines = []"], "length >= 1"),
        (['url = "https://h:99999"', 'secret_env = "S"'], "the address is not valid"),
    ],
)
def test_bad_options_are_named_with_their_webhook(tiny: Path, lines: list[str], message: str) -> None:
    configure(tiny, *lines)
    with pytest.raises(ProjectError, match=r"\[tool\.kedro-asgi\.notify\.ops\]") as caught:
        load_project(tiny)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("lines", "variables", "message"),
    [
        (['secret_env = "NO_SECRET"'], {}, "'secret_env' names the environment variable 'NO_SECRET', which is not set"),
        (['secret_env = "BAD"'], {"BAD": "s3cret!"}, "'BAD' holds no secret: it is not 'whsec_' and base64"),
        (['secret_env = "SHORT"'], {"SHORT": "whsec_AAAA"}, "it has 3 bytes, and 24 to 64 are needed"),
        (['secret_file = "no/such"'], {}, "'secret_file' cannot be read"),
    ],
)
def test_a_server_without_the_secret_does_not_start(
    tiny: Path, lines: list[str], variables: dict[str, str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    configure(tiny, 'url = "https://host"', *lines)
    with pytest.raises(WebhookError, match=r"The webhook 'notify\.ops' cannot be used") as caught:
        create_http_server(tiny)
    assert message in str(caught.value)
    assert not any(value in str(caught.value) for value in variables.values())


async def test_the_address_and_the_secret_may_come_from_elsewhere(
    tiny: Path, serve: Serve, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPS_URL", f"{receiver.url}/ok")
    (tiny / "secret").write_text(f"{SECRET}\n")
    async with serve(configure(tiny, 'url_env = "OPS_URL"', 'secret_file = "secret"')) as client:
        await client.post("/run", json={})
        with anyio.fail_after(60):
            while not receiver.deliveries:
                await anyio.sleep(0.01)
    assert receiver.deliveries[0].verified()["data"]["status"] == "success"


def test_an_address_from_a_variable_is_checked_and_not_shown(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPS_URL", "gopher://host/token")
    configure(tiny, 'url_env = "OPS_URL"', 'secret_env = "OPS_SECRET"')
    with pytest.raises(KedroAsgiError, match="'OPS_URL': the address must begin with") as caught:
        create_http_server(tiny)
    assert "token" not in str(caught.value)


def test_a_pipeline_that_does_not_exist_is_an_error(tiny: Path) -> None:
    configure(tiny, 'url = "https://host"', 'secret_env = "OPS_SECRET"', 'pipelines = ["calk"]')
    with pytest.raises(ProjectError, match=r"notify\.ops\] names the pipeline 'calk'.*Did you mean 'calc'\?"):
        open_served_session(project_path=tiny, env=None, conf_source=None, preload=None, package_name=None)


def test_a_public_address_must_be_one(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEDRO_SERVER_PUBLIC_URL", "example.com")
    with pytest.raises(ServerSettingsError, match="'KEDRO_SERVER_PUBLIC_URL' must not be 'example.com': an address"):
        create_http_server(tiny)


@pytest.mark.slow
def test_a_server_that_is_killed_before_the_delivery_loses_none(
    work: Path, start: Callable[..., Process], receiver: Receiver
) -> None:
    receiver.status = 0
    configure(work, f'url = "{receiver.url}/ok"', 'secret_env = "OPS_SECRET"')
    server = start("kedro_asgi", "serve", work, OPS_SECRET=SECRET)
    ended = httpx.post(f"{server.url}/runs", json={"pipeline_names": ["calc"]}, params={"wait": 60}, timeout=90).json()
    running = httpx.post(f"{server.url}/runs", json={"pipeline_names": ["held"]}, timeout=90).json()
    # Its node begins when the start of the run is on disk.
    until(lambda: httpx.get(f"{server.url}/runs/{running['run_id']}/nodes").json()["nodes"])
    until(lambda: receiver.deliveries)
    server.kill()
    receiver.status = 204
    server.restart()
    until(lambda: len({one.id for one in receiver.deliveries}) == 2)
    until(lambda: httpx.get(f"{server.url}/notifications").json()["counts"] == {})
    told = {one.verified()["data"]["run_id"]: one.document["data"]["status"] for one in receiver.deliveries}
    assert told == {ended["run_id"]: "success", running["run_id"]: "interrupted"}

"""Webhooks are told of the ends of runs: signed, in any trouble of the receiver, and by one worker at a time."""

import logging
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
import anyio.abc
import pytest
from anyio.streams.tls import TLSStream
from standardwebhooks.webhooks import WebhookVerificationError

from kedro_asgi.dispatch import Dispatcher, Policy
from kedro_asgi.dispatch.stores.connection import SqlConnection
from kedro_asgi.dispatch.stores.notifications import (
    DueNotifications,
    NotificationPage,
    NotificationQuery,
    StoredNotification,
)
from kedro_asgi.dispatch.stores.sqlite import SQLiteStore
from kedro_asgi.dispatch.webhooks import Notify, Webhook, read_webhooks
from kedro_asgi.errors import NotificationNotFoundError, StoreUnavailableError
from kedro_asgi.runs import RunOrder, RunSpec
from kedro_asgi.session import AsyncSession
from kedro_asgi.webhook_options import WebhookOptions
from webhook_receiver import OTHER_SECRET, SECRET, Receiver

pytestmark = pytest.mark.anyio

HOUR = 3600.0


class Clock:
    """The time, which a test moves on."""

    def __init__(self) -> None:
        self.ahead_seconds = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead_seconds


class FailingStore(SQLiteStore):
    """A store that fails while a test wants that."""

    is_failing = False

    def fail(self, *arguments: Any, **more: Any) -> Any:
        raise StoreUnavailableError("a test wants that")

    @contextmanager
    def transaction(self, *, writes: bool) -> Iterator[SqlConnection]:
        if self.is_failing:
            raise StoreUnavailableError("a test wants that")
        with super().transaction(writes=writes) as connection:
            yield connection


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def serving() -> Iterator[Receiver]:
    with Receiver().serving() as receiver:
        yield receiver


@pytest.fixture
def receiver(serving: Receiver) -> Receiver:
    serving.deliveries.clear()
    serving.status, serving.most_at_once = 204, 0
    return serving


def webhook(url: str, name: str = "ops", secret: str = SECRET, **options: Any) -> Webhook:
    found = {name: WebhookOptions(url=url, secret_env="SECRET", **options)}
    return read_webhooks(found, environ={"SECRET": secret}, folder=Path())[0]


def notify(*webhooks: Webhook, **more: Any) -> Notify:
    return Notify(webhooks=webhooks, **more)


@pytest.fixture
def dispatcher(work: Path, tmp_path: Path) -> Callable[..., Dispatcher]:
    def make(*webhooks: Webhook, store: Any = None, now: Callable[[], float] = time.time) -> Dispatcher:
        session = AsyncSession.create(project_path=work)
        policy = Policy(grace_seconds=0.1, look_seconds=0.01)
        store = str(tmp_path / "runs.db") if store is None else store
        return Dispatcher(session, store=store, policy=policy, notify=notify(*webhooks, now=now, chance=lambda: 0.0))

    return make


async def until(condition: Callable[[], Any]) -> None:
    with anyio.fail_after(60):
        while not condition():
            await anyio.sleep(0.005)


def counted(runs: Dispatcher, outcome: str, webhook: str = "ops") -> float:
    """How many attempts ended so."""
    series = runs.metrics.totals()["kedro_asgi_notification_attempts_total"]
    return series.get((webhook, outcome), [0.0])[0]


async def ended(runs: Dispatcher, *pipelines: str, **arguments: Any) -> str:
    run = await runs.submit(pipelines or ["calc"], **arguments)
    await runs.wait(run.run_id)
    return run.run_id


@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_a_receiver_that_knows_only_the_standard_verifies_a_notification(receiver: Receiver, dispatcher) -> None:
    async with dispatcher(webhook(f"{receiver.url}/ok")) as runs:
        run_id = await ended(runs, labels={"team": "ml"})
        await until(lambda: receiver.deliveries)
        (found,) = receiver.deliveries
        body = found.verified()
        assert body["type"] == "run.ended"
        record = await runs.read(run_id)
        assert body["timestamp"] == record.ended_at.isoformat()
        assert (body["data"]["run_id"], body["data"]["status"]) == (run_id, "success")
        assert body["data"]["labels"] == {"team": "ml"}
        await until(lambda: counted(runs, "delivered") == 1)
    with pytest.raises(WebhookVerificationError):
        found.verified(OTHER_SECRET)


async def test_the_check_of_the_documentation_works(receiver: Receiver, dispatcher) -> None:
    page = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    exec(page.split("```python\n")[1].split("```")[0], names)
    async with dispatcher(webhook(f"{receiver.url}/ok")) as runs:
        await ended(runs)
        await until(lambda: receiver.deliveries)
    (found,) = receiver.deliveries
    assert names["is_genuine"](SECRET, found.headers, found.body)
    assert not names["is_genuine"](OTHER_SECRET, found.headers, found.body)
    assert not names["is_genuine"](SECRET, found.headers, found.body + b" ")


async def test_the_body_is_the_record_as_routes_show_it_and_its_address(receiver: Receiver, work: Path) -> None:
    session = AsyncSession.create(project_path=work)
    found = notify(webhook(f"{receiver.url}/ok"), public_url="https://runs.example.com/kedro")
    async with Dispatcher(session, notify=found) as runs:
        params = {"gate": "x", "password": "hunter2"}
        run_id = await ended(runs, "boom", params=params)
        await until(lambda: receiver.deliveries)
    body = receiver.deliveries[0].verified()
    assert body["url"] == f"https://runs.example.com/kedro/runs/{run_id}"
    assert body["data"]["error"]["message"] == "boom at s3://<redacted>@bucket"
    assert b"hunter2" not in receiver.deliveries[0].body


@pytest.mark.parametrize("status", [200, 201, 299])
async def test_any_good_status_ends_the_attempts(receiver: Receiver, dispatcher, status: int) -> None:
    receiver.status = status
    async with dispatcher(webhook(f"{receiver.url}/ok")) as runs:
        await ended(runs)
        await until(lambda: counted(runs, "delivered") == 1)
    assert len(receiver.deliveries) == 1


async def test_a_webhook_hears_only_of_its_ends_and_pipelines(receiver: Receiver, dispatcher) -> None:
    webhooks = [
        webhook(f"{receiver.url}/201", "failures", on=("failure", "timed_out")),
        webhook(f"{receiver.url}/202", "calc", pipelines=("calc",)),
        webhook(f"{receiver.url}/203", "default", pipelines=("__default__",)),
    ]
    async with dispatcher(*webhooks) as runs:
        failed = await ended(runs, "boom")
        calc = await ended(runs, "calc", "boom")
        default = (await runs.submit()).run_id
        await until(lambda: len(receiver.deliveries) == 4)
    told = {path: [one.document["data"]["run_id"] for one in receiver.at(path)] for path in ("/201", "/202", "/203")}
    assert {path: sorted(run_ids) for path, run_ids in told.items()} == {
        "/201": sorted([failed, calc]),
        "/202": [calc],
        "/203": [default],
    }


async def test_a_failed_attempt_is_repeated_later_with_the_same_id_and_body(receiver: Receiver, dispatcher) -> None:
    clock, receiver.status = Clock(), 500
    async with dispatcher(webhook(f"{receiver.url}/ok"), now=clock) as runs:
        await ended(runs)
        for attempt, wait in enumerate((5, 10, 20, 40), start=1):
            await until(lambda attempt=attempt: counted(runs, "retried") == attempt)
            assert len(receiver.deliveries) == attempt
            clock.ahead_seconds += wait
        await until(lambda: counted(runs, "retried") == 5)
        receiver.status = 204
        clock.ahead_seconds += 80
        await until(lambda: counted(runs, "delivered") == 1)
    assert len({found.id for found in receiver.deliveries}) == 1
    assert len({found.body for found in receiver.deliveries}) == 1
    assert len({found.headers["webhook-signature"] for found in receiver.deliveries}) > 1, "each attempt has its time"


async def test_attempts_end_after_a_time_and_an_operator_can_send_again(
    receiver: Receiver, dispatcher, caplog: pytest.LogCaptureFixture
) -> None:
    clock, receiver.status = Clock(), 503
    async with dispatcher(webhook(f"{receiver.url}/ok", give_up_after_hours=1), now=clock) as runs:
        run_id = await ended(runs)
        await until(lambda: counted(runs, "retried") == 1)
        clock.ahead_seconds += HOUR
        await until(lambda: counted(runs, "failed") == 1)
        (failed,) = await stored(runs, "failed", 1)
        assert (failed.run_id, failed.attempts, failed.problem) == (run_id, 2, "It answered 503.")
        assert f"was not told of run {run_id}, after 2 attempts: It answered 503." in caplog.text
        receiver.status = 204
        again = await runs.send_notification_again(failed.notification_id)
        assert (again.state, again.attempts) == ("pending", 0)
        await until(lambda: counted(runs, "delivered") == 1)
        assert {found.id for found in receiver.deliveries} == {failed.notification_id}


async def test_a_receiver_that_is_gone_is_told_nothing_more(receiver: Receiver, dispatcher) -> None:
    async with dispatcher(webhook(f"{receiver.url}/410")) as runs:
        await ended(runs)
        await until(lambda: counted(runs, "failed") == 1)
    assert len(receiver.deliveries) == 1


async def test_a_receiver_that_asks_to_wait_is_left_alone(receiver: Receiver, dispatcher) -> None:
    clock = Clock()
    async with dispatcher(webhook(f"{receiver.url}/busy", max_concurrent=1), now=clock) as runs:
        await ended(runs)
        await until(lambda: counted(runs, "retried") == 1)
        clock.ahead_seconds += 900
        await ended(runs)
        (first, second) = await stored(runs, "pending", 2)
        assert len(receiver.deliveries) == 1, "neither the one that it refused, nor another one"
        clock.ahead_seconds += 101
        await until(lambda: len(receiver.deliveries) >= 2)
        assert {first.notification_id, second.notification_id} >= {found.id for found in receiver.deliveries}


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("/hang", "It did not answer within 0.05 seconds."),
        ("/redirect", "It answered 307, and redirects are not followed."),
        ("/huge", "It answered 500."),
        ("/404", "It answered 404."),
    ],
)
async def test_bad_answers_are_failures(receiver: Receiver, dispatcher, path: str, problem: str) -> None:
    seconds = 0.05 if path == "/hang" else 10.0
    async with dispatcher(webhook(f"{receiver.url}{path}", timeout_seconds=seconds)) as runs:
        await ended(runs)
        (found,) = await stored(runs, "pending", 1, attempts=1)
        assert found.problem == problem
    assert receiver.at("/ok") == [], "a redirect is not followed"


async def test_an_answer_counts_by_its_status_even_if_its_body_never_ends(receiver: Receiver, dispatcher) -> None:
    async with dispatcher(webhook(f"{receiver.url}/drip")) as runs:
        await ended(runs)
        await until(lambda: counted(runs, "delivered") == 1)


async def test_a_receiver_that_closes_the_connection_has_failed(dispatcher) -> None:
    async def close(stream: anyio.abc.SocketStream) -> None:
        await stream.receive()
        await stream.aclose()

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0)
    port = listener.extra(anyio.abc.SocketAttribute.local_port)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, close)
        async with dispatcher(webhook(f"http://127.0.0.1:{port}/secret-path")) as runs:
            await ended(runs)
            (found,) = await stored(runs, "pending", 1, attempts=1)
            assert found.problem == "RemoteProtocolError: Server disconnected without sending a response."
        tasks.cancel_scope.cancel()
    await listener.aclose()


async def test_certificates_are_checked(dispatcher, tmp_path: Path) -> None:
    context = self_signed(tmp_path)
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0)
    port = listener.extra(anyio.abc.SocketAttribute.local_port)

    async def shake(stream: anyio.abc.SocketStream) -> None:
        async with stream:
            with suppress(OSError, anyio.EndOfStream, anyio.BrokenResourceError):
                await TLSStream.wrap(stream, server_side=True, ssl_context=context)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, shake)
        async with dispatcher(webhook(f"https://127.0.0.1:{port}/")) as runs:
            await ended(runs)
            (found,) = await stored(runs, "pending", 1, attempts=1)
            assert "certificate verify failed" in (found.problem or "")
        tasks.cancel_scope.cancel()
    await listener.aclose()


async def test_a_dead_receiver_delays_no_other_and_no_run(receiver: Receiver, dispatcher) -> None:
    dead = webhook(f"{receiver.url}/hang", "dead", max_concurrent=1, timeout_seconds=300)
    async with dispatcher(dead, webhook(f"{receiver.url}/ok", "alive")) as runs:
        run_ids = [await ended(runs) for _ in range(20)]
        await until(lambda: len(receiver.at("/ok")) == 20)
        assert len(receiver.at("/hang")) == 1
        assert (await runs.read(run_ids[-1])).status == "success"


async def test_few_attempts_go_on_at_a_time(receiver: Receiver, dispatcher) -> None:
    async with dispatcher(webhook(f"{receiver.url}/slow", max_concurrent=2)) as runs:
        for _ in range(10):
            await runs.submit(["calc"])
        await until(lambda: counted(runs, "delivered") == 10)
    assert receiver.most_at_once == 2


async def test_what_was_not_delivered_is_delivered_after_the_next_start(dispatcher) -> None:
    receiver = Receiver()
    clock = Clock()
    async with dispatcher(webhook(f"{receiver.url}/ok"), now=clock) as runs:
        run_ids = {await ended(runs) for _ in range(3)}
        await until(lambda: counted(runs, "retried") == 3)
    clock.ahead_seconds += 5
    with receiver.serving():
        async with dispatcher(webhook(f"{receiver.url}/ok"), now=clock) as runs:
            await until(lambda: counted(runs, "delivered") == 3)
    assert {found.document["data"]["run_id"] for found in receiver.deliveries} == run_ids
    assert len(receiver.deliveries) == 3


async def test_text_that_no_database_takes_names_no_notification(
    receiver: Receiver, dispatcher, shared_store: str
) -> None:
    async with dispatcher(webhook(f"{receiver.url}/ok"), store=shared_store) as runs:
        assert await runs.notifications(NotificationQuery(webhook="\0")) == NotificationPage(notifications=())
        with pytest.raises(NotificationNotFoundError):
            await runs.send_notification_again("msg_\0")


async def test_two_workers_deliver_each_notification_once(receiver: Receiver, work: Path, shared_store: str) -> None:
    policy = Policy(look_seconds=0.01)

    def worker() -> Dispatcher:
        return Dispatcher(
            AsyncSession.create(project_path=work),
            store=shared_store,
            policy=policy,
            notify=notify(webhook(f"{receiver.url}/slow")),
        )

    async with worker() as first, worker() as second:
        for _ in range(15):
            await first.submit(["calc"])
            await second.submit(["calc"])
        await until(lambda: sum(counted(runs, "delivered") for runs in (first, second)) >= 30)
        assert await stored(first, "pending", 0) == []
    assert len(receiver.deliveries) == len({found.id for found in receiver.deliveries}) == 30


async def test_an_end_while_the_store_fails_is_told_when_it_is_stored(
    receiver: Receiver, work: Path, tmp_path: Path
) -> None:
    store = FailingStore(tmp_path / "runs.db")
    runs = Dispatcher(
        AsyncSession.create(project_path=work),
        store=store,
        policy=Policy(look_seconds=0.01),
        notify=notify(webhook(f"{receiver.url}/ok")),
    )
    async with runs:
        await runs.list()
        store.is_failing = True
        await runs.run(RunOrder(spec=RunSpec.of(["calc"])))
        await until(lambda: runs.failure is not None)
        assert receiver.deliveries == []
        store.is_failing = False
        await until(lambda: receiver.deliveries)


async def test_a_change_of_secret_is_signed_with_both(receiver: Receiver, dispatcher) -> None:
    async with dispatcher(webhook(f"{receiver.url}/ok", secret=f"{OTHER_SECRET} {SECRET}")) as runs:
        await ended(runs)
        await until(lambda: receiver.deliveries)
    assert receiver.deliveries[0].verified(SECRET) == receiver.deliveries[0].verified(OTHER_SECRET)


async def stored(runs: Dispatcher, state: str, count: int, *, attempts: int = 0) -> list[StoredNotification]:
    """The notifications in a state, when there are so many that have been tried so often."""
    with anyio.fail_after(60):
        while len(found := (await runs.notifications(NotificationQuery(state=state))).notifications) != count or any(
            one.attempts < attempts for one in found
        ):
            await anyio.sleep(0.005)
    return list(found)


def self_signed(folder: Path) -> ssl.SSLContext:
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*command, *names, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


async def test_a_store_that_fails_as_the_service_ends_is_no_failure_of_the_deliveries(
    receiver: Receiver, dispatcher, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store, asked = FailingStore(tmp_path / "runs.db"), list[object]()

    def fail(*arguments: Any) -> Any:
        asked.append(arguments)
        return store.fail()

    # No answer comes, so nothing but the end of the service asks the store for notifications.
    receiver.status = 0
    async with dispatcher(webhook(f"{receiver.url}/ok"), store=store) as runs:
        await ended(runs)
        await until(lambda: receiver.deliveries)
        store.claim_notifications = fail
    assert "could not deliver" not in caplog.text
    # A service has a second for its last words: on a busy machine it may not come to this.
    assert not asked or "a test wants that" in caplog.text


async def test_quick_looks_find_no_living_worker_dead(dispatcher, tmp_path: Path) -> None:
    store, looks = SQLiteStore(tmp_path / "runs.db"), list[bool]()

    def due_notifications(*arguments: Any, is_thorough: bool, **more: Any) -> DueNotifications:
        looks.append(is_thorough)
        return SQLiteStore.due_notifications(store, *arguments, is_thorough=is_thorough, **more)

    store.due_notifications = due_notifications
    began = time.monotonic()
    async with dispatcher(webhook("http://127.0.0.1:1"), store=store) as runs:
        await ended(runs)
        await until(lambda: len(looks) > 9)
    # At most one a second is thorough.
    assert 1 <= sum(looks) <= 1 + time.monotonic() - began


async def test_an_address_is_in_no_log_line(receiver: Receiver, dispatcher, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with dispatcher(webhook(f"{receiver.url}/ok?token=hunter2")) as runs:
        await ended(runs)
        await until(lambda: counted(runs, "delivered") == 1)
    assert "hunter2" not in caplog.text

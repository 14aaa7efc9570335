"""Tokens, their scopes and their pipelines, on every route."""

import logging
import sqlite3
from contextlib import closing
from pathlib import Path

import anyio
import httpx
import pytest
from starlette.applications import Starlette
from starlette.authentication import AuthCredentials, AuthenticationBackend, AuthenticationError, SimpleUser
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.routing import Mount

from kedro_asgi.errors import ServerSettingsError
from kedro_asgi.server import create_http_server
from kedro_asgi.server.access.audit import AuditLog
from kedro_asgi.server.access.route_scopes import OPEN, RULES, UNKNOWN, rule_of
from kedro_asgi.server.access.token_file import TokenFile
from kedro_asgi.server.access.tokens import make_token, token_line

pytestmark = pytest.mark.anyio

SCOPES = ("read", "run", "cancel", "admin")
TOKENS = {scope: make_token() for scope in SCOPES}
LIMITED = make_token()
LINES = "\n".join(
    [
        *(token_line(f"{scope}er", TOKENS[scope], [scope]) for scope in SCOPES),
        token_line("limited", LIMITED, ["read", "run", "cancel"], ["left"]),
    ]
)
REGISTRY = """
from kedro_asgi.pipeline import node, pipeline

def _pass(x):
    return x

def register_pipelines():
    left = pipeline([node(_pass, "params:a", "l", name="left_node")])
    right = pipeline([node(_pass, "params:b", "r", name="right_node")])
    return {"left": left, "right": right, "__default__": left + right}
"""


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def project(make_project) -> Path:
    return make_project(registry=REGISTRY)


@pytest.fixture
def http(project: Path, serve) -> httpx.AsyncClient:
    return serve(project, tokens=LINES, store="memory:")


def routes_of(app: Starlette) -> list[tuple[str, str]]:
    return [(method, route.path) for route in app.routes for method in sorted(route.methods)]


def address(path: str) -> str:
    names = {
        "{run_id}": "2026-11-21T00.18.19.983Z-00009f3c2a7b1d",
        "{name:path}": "left",
        "{version:path}": "1",
        "{path:path}": "",
    }
    for placeholder, value in names.items():
        path = path.replace(placeholder, value)
    return path


def test_each_route_declares_its_scope(project: Path) -> None:
    app = create_http_server(project, tokens=LINES, store="memory:", viz=True, mcp=True)
    unknown = [(method, path) for method, path in routes_of(app) if rule_of(method, path) is UNKNOWN]
    assert unknown == [], "add the route to server/access/route_scopes.py"


async def test_each_route_asks_for_its_scope_and_no_other(project: Path, serve) -> None:
    app = create_http_server(project, tokens=LINES, store="memory:", viz=True, mcp=True)
    http = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://server")
    wrong: list[object] = []
    async with http:
        for method, path in routes_of(app):
            rule = rule_of(method, path)
            if path in ("/events", "/runs/{run_id}/events") and method == "GET":
                method = "HEAD"  # an answer without end
            answers = {
                scope: (await http.request(method, address(path), headers=bearer(token))).status_code
                for scope, token in TOKENS.items()
            }
            answers["nobody"] = (await http.request(method, address(path))).status_code
            answers["stranger"] = (await http.request(method, address(path), headers=bearer(make_token()))).status_code
            admitted = {who for who, status in answers.items() if status not in (401, 403)}
            expected = {rule.scope, "admin"}
            if rule.scope in (None, "any"):
                expected = set(answers) if rule == OPEN else set(TOKENS)
            if admitted != expected:
                wrong.append((method, path, answers))
    assert wrong == []


async def test_a_caller_without_read_learns_only_the_state_of_what_it_cancels_or_repeats(
    http: httpx.AsyncClient,
) -> None:
    body = {"params": {"a": "private"}, "labels": {"for": "boss"}, "outputs": ["l"]}
    async with http:
        run_id = (await http.post("/runs?wait=60", json=body, headers=bearer(TOKENS["run"]))).json()["run_id"]
        asked = {"cancel": f"/runs/{run_id}/cancel", "run": f"/runs/{run_id}/rerun?wait=60"}
        for scope, path in asked.items():
            whole = (await http.post(path, headers=bearer(TOKENS["admin"]))).json()
            assert (whole["request"]["params"], whole["labels"], whole["outputs"]) == (
                body["params"],
                body["labels"],
                ["l"],
            )
            shown = (await http.post(path, headers=bearer(TOKENS[scope]))).json()
            assert (shown["status"], shown["pipeline_names"]) == ("success", ["__default__"])
            assert (shown["request"], shown["labels"], shown["outputs"], shown["env"]) == ({}, {}, [], None)


async def test_no_route_shows_a_limited_caller_anything_of_other_pipelines(project: Path) -> None:
    app = create_http_server(project, tokens=LINES, store="memory:", viz=True, mcp=True)
    http = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://server")
    async with http:
        body = {"pipeline_names": ["right"], "outputs": ["r"]}
        submitted = await http.post("/runs?wait=60", json=body, headers=bearer(TOKENS["admin"]))
        run_id = submitted.json()["run_id"]
        for method, path in routes_of(app):
            if rule_of(method, path) == OPEN or "{" not in path:
                continue
            place = path.replace("{run_id}", run_id).replace("{name:path}", "right")
            answer = await http.request(method, place, headers=bearer(LIMITED))
            assert answer.status_code in (403, 404), (method, path, answer.text)
            assert "right_node" not in answer.text


async def test_a_limited_caller_lists_only_its_runs_and_pipelines(http: httpx.AsyncClient) -> None:
    async with http:
        for names in (["left"], ["right"], ["left", "right"], []):
            answer = await http.post("/runs?wait=60", json={"pipeline_names": names}, headers=bearer(TOKENS["admin"]))
            assert answer.json()["status"] == "success"
        listed = (await http.get("/runs", headers=bearer(LIMITED))).json()["runs"]
        assert [run["pipeline_names"] for run in listed] == [["left"]]
        assert len((await http.get("/runs", headers=bearer(TOKENS["read"]))).json()["runs"]) == 4
        pipelines = (await http.get("/pipelines", headers=bearer(LIMITED))).json()["pipelines"]
        assert [found["name"] for found in pipelines] == ["left"]
        assert len((await http.get("/pipelines", headers=bearer(TOKENS["read"]))).json()["pipelines"]) == 3


@pytest.mark.parametrize("path", ["/run", "/runs"])
@pytest.mark.parametrize("names", [None, [], ["right"], ["left", "right"], ["__default__"], ["left", "nope"]])
async def test_a_limited_caller_runs_only_its_pipelines(http: httpx.AsyncClient, path: str, names: object) -> None:
    async with http:
        answer = await http.post(path, json={"pipeline_names": names}, headers=bearer(LIMITED))
        assert answer.status_code == 403
        assert answer.json()["type"] == "urn:kedro-asgi:problem:forbidden-pipeline"
        allowed = await http.post(path, json={"pipeline_names": ["left"]}, headers=bearer(LIMITED))
        assert allowed.status_code in (200, 202)


async def test_a_limited_caller_colours_no_picture_by_a_run_of_others(http: httpx.AsyncClient) -> None:
    async with http:
        run = await http.post("/runs?wait=60", json={"pipeline_names": ["right"]}, headers=bearer(TOKENS["admin"]))
        query = {"run": run.json()["run_id"]}
        answer = await http.get("/pipelines/left/graph.svg", params=query, headers=bearer(LIMITED))
        assert answer.status_code == 404


async def test_a_limited_caller_follows_only_its_runs(project: Path) -> None:
    app = create_http_server(project, tokens=LINES, store="memory:")
    seen: list[str] = []

    async def receive() -> dict[str, object]:
        await anyio.sleep_forever()
        raise AssertionError

    async def send(message) -> None:
        seen.append(message.get("body", b"").decode())

    async def follow() -> None:
        scope = {"type": "http", "method": "GET", "path": "/events", "query_string": b"after=0", "root_path": ""}
        headers = [(b"host", b"server"), (b"authorization", f"Bearer {LIMITED}".encode())]
        await app({**scope, "headers": headers}, receive, send)

    http = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://server")
    async with http, anyio.create_task_group() as tasks:
        runs = []
        for name in ("right", "left"):
            body = {"pipeline_names": [name]}
            runs.append((await http.post("/runs?wait=60", json=body, headers=bearer(TOKENS["admin"]))).json()["run_id"])
        tasks.start_soon(follow)
        with anyio.fail_after(60):
            while '"event":"RunEnded"' not in "".join(seen):
                await anyio.sleep(0.01)
        assert runs[1] in "".join(seen)
        assert runs[0] not in "".join(seen)
        tasks.cancel_scope.cancel()


async def test_a_refused_caller_is_told_why(http: httpx.AsyncClient) -> None:
    async with http:
        nobody = await http.get("/runs")
        assert (nobody.status_code, nobody.headers["www-authenticate"]) == (401, 'Bearer realm="kedro-asgi"')
        assert nobody.headers["content-type"] == "application/problem+json"
        stranger = await http.get("/runs", headers=bearer("nope"))
        assert 'error="invalid_token"' in stranger.headers["www-authenticate"]
        reader = await http.post("/run", json={}, headers=bearer(TOKENS["read"]))
        assert (reader.status_code, reader.json()["detail"]) == (403, "'reader' does not have the scope 'run'.")
        assert 'error="insufficient_scope", scope="run"' in reader.headers["www-authenticate"]


@pytest.mark.parametrize(
    "values",
    [
        ["Bearer {read}", "Bearer {read}"],
        ["Bearer nope", "Bearer {read}"],
        ["Basic {read}"],
        ["{read}"],
        ["Bearer {read} "],
        ["Bearer  {read}"],
        ["Bearer {read}, Bearer {admin}"],
        ["Bearer {read}\t"],
        ["Bearer {read}x"],
        ["Bearer "],
        ["Bearer"],
        [""],
        ["Bearer é"],
        ["Bearer " + "a" * 100_000],
    ],
)
async def test_a_header_that_is_not_exactly_one_token_is_refused(http: httpx.AsyncClient, values: list[str]) -> None:
    headers = [("Authorization", value.format(**TOKENS).encode("latin-1")) for value in values]
    async with http:
        assert (await http.get("/runs", headers=headers)).status_code == 401


@pytest.mark.parametrize("place", ["?token={read}", "?access_token={read}", "?authorization=Bearer%20{read}"])
async def test_a_token_in_an_address_is_none(http: httpx.AsyncClient, place: str) -> None:
    async with http:
        assert (await http.get("/runs" + place.format(**TOKENS))).status_code == 401
        headers = {"Cookie": f"token={TOKENS['read']}", "X-Forwarded-Authorization": f"Bearer {TOKENS['read']}"}
        assert (await http.get("/runs", headers=headers)).status_code == 401


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "//runs"),
        ("GET", "/runs/"),
        ("GET", "/health/../runs"),
        ("GET", "/docs/../runs"),
        ("GET", "/dashboard/..%2fruns"),
        ("GET", "/dashboard/%2e%2e/runs"),
        ("GET", "/RUNS"),
        ("GET", "/runs;/health"),
        ("GET", "/runs%00"),
        ("GET", "/pipelines/x/../../metrics"),
        ("HEAD", "/runs"),
        ("OPTIONS", "/runs"),
        ("DELETE", "/runs"),
        ("PUT", "/reload"),
        ("get", "/runs"),
        ("TRACE", "/runs"),
    ],
)
async def test_no_other_way_to_write_a_request_gets_past_the_check(
    http: httpx.AsyncClient, method: str, path: str
) -> None:
    async with http:
        answer = await http.request(method, httpx.URL("http://server" + path))
        assert answer.status_code in (307, 401, 404, 405), answer.text
        assert "pipeline_names" not in answer.text


async def test_a_web_socket_is_refused(project: Path) -> None:
    app = create_http_server(project, tokens=LINES, store="memory:", allowed_hosts=["local"])
    sent: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        return {"type": "websocket.connect"}

    async def send(message) -> None:
        sent.append(message)

    scope = {"type": "websocket", "path": "/runs", "headers": [(b"host", b"evil.example")], "query_string": b""}
    await app({**scope, "root_path": "", "subprotocols": []}, receive, send)
    assert [message["type"] for message in sent] == ["websocket.close"]


async def test_a_probe_without_a_token_learns_whether_the_server_is_ready_and_no_more(make_project, serve) -> None:
    project = make_project(REGISTRY, catalog="l:\n  type: nope.Dataset\n")
    async with serve(project, tokens=LINES, store="memory:") as http:
        await http.post("/reload", headers=bearer(TOKENS["admin"]))
        details = await http.get("/ready", headers=bearer(TOKENS["read"]))
        assert "l" in details.json()["broken_datasets"]
        for headers in ({}, bearer(make_token()), bearer(TOKENS["run"]), bearer(LIMITED)):
            answer = await http.get("/ready", headers=headers)
            assert (answer.status_code, answer.json()) == (200, {"status": "ready"})
        assert (await http.get("/health")).status_code == 200


async def test_metrics_are_open_where_an_option_says_so(project: Path, serve) -> None:
    async with serve(project, tokens=LINES, store="memory:") as http:
        assert (await http.get("/metrics")).status_code == 401
    async with serve(project, tokens=LINES, store="memory:", open_metrics=True) as http:
        assert (await http.get("/metrics")).status_code == 200


async def test_the_audit_names_the_caller_and_never_the_token(http: httpx.AsyncClient, caplog) -> None:
    caplog.set_level(logging.INFO, "kedro_asgi.audit")
    async with http:
        await http.post("/run", json={"pipeline_names": ["left"]}, headers=bearer(LIMITED))
        await http.get("/runs", headers=bearer(TOKENS["read"]))
        await http.post("/reload", headers=bearer(LIMITED))
        await http.get("/pipelines/x%0a'adminer' from 1.2.3.4: POST /reload: 200", headers=bearer(TOKENS["cancel"]))
        await http.post("/run", json={}, headers=bearer(LIMITED))
    lines = [record.getMessage() for record in caplog.records if record.name == "kedro_asgi.audit"]
    assert [line.replace(" from 127.0.0.1", "") for line in lines] == [
        "'limited': POST /run: 200",
        "'limited': POST /reload: refused with 403 ('limited' does not have the scope 'admin'.)",
        "'canceler': GET /pipelines/x%0A%27adminer%27%20from%201.2.3.4%3A%20POST%20/reload%3A%20200: refused with 403 "
        "('canceler' does not have the scope 'read'.)",
        "'limited': POST /run: refused with 403 ('limited' may use the pipelines left, and not __default__.)",
    ]
    assert not any(token in line for line in lines for token in [*TOKENS.values(), LIMITED])


class HeaderBackend(AuthenticationBackend):
    """Believes a header, as a backend behind a proxy does."""

    async def authenticate(self, conn):
        name = conn.headers.get("x-user")
        if name == "mallory":
            raise AuthenticationError("mallory is locked out")
        return None if name is None else (AuthCredentials(conn.headers.get("x-scopes", "").split()), SimpleUser(name))


async def check_backend(http: httpx.AsyncClient, prefix: str = "") -> None:
    read = {"X-User": "ann", "X-Scopes": "authenticated read"}
    assert (await http.get(f"{prefix}/runs")).status_code == 401
    assert (await http.get(f"{prefix}/runs", headers=read)).status_code == 200
    assert (await http.post(f"{prefix}/run", json={}, headers=read)).status_code == 403
    limited = {"X-User": "ann", "X-Scopes": "run pipeline:left"}
    assert (await http.post(f"{prefix}/run", json={}, headers=limited)).status_code == 403
    body = {"pipeline_names": ["left"]}
    assert (await http.post(f"{prefix}/run", json=body, headers=limited)).status_code == 200


async def test_a_backend_of_starlette_names_the_callers(project: Path, serve) -> None:
    async with serve(project, auth=HeaderBackend(), store="memory:") as http:
        await check_backend(http)
        assert (await http.get("/runs", headers={"X-User": "mallory"})).json()["detail"] == "mallory is locked out"


async def test_a_middleware_names_the_callers(project: Path, serve) -> None:
    middleware = Middleware(AuthenticationMiddleware, backend=HeaderBackend())
    async with serve(project, auth=middleware, store="memory:") as http:
        await check_backend(http)


async def test_the_host_application_names_the_callers(project: Path) -> None:
    served = create_http_server(project, auth="host", store="memory:")
    middleware = [Middleware(AuthenticationMiddleware, backend=HeaderBackend())]
    app = Starlette(routes=[Mount("/kedro", served)], middleware=middleware)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://server") as http:
        await check_backend(http, "/kedro")


async def test_tokens_count_beside_the_authentication_of_a_host_application(project: Path) -> None:
    served = create_http_server(project, tokens=LINES, store="memory:")
    middleware = [Middleware(AuthenticationMiddleware, backend=HeaderBackend())]
    app = Starlette(routes=[Mount("/kedro", served)], middleware=middleware)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://server") as http:
        admin = {"X-User": "ann", "X-Scopes": "admin"}
        assert (await http.get("/kedro/runs", headers=admin)).status_code == 401
        assert (await http.get("/kedro/runs", headers=bearer(TOKENS["read"]))).status_code == 200


async def test_a_host_application_that_names_nobody_lets_nobody_in(project: Path, serve) -> None:
    async with serve(project, auth="host", store="memory:") as http:
        assert (await http.get("/runs")).status_code == 401


def test_the_rules_name_no_route_that_does_not_exist(project: Path) -> None:
    app = create_http_server(project, store="memory:", viz=True, mcp=True)
    assert set(RULES) - set(routes_of(app)) <= {("POST", "/runs/{run_id}/rerun")}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"auth": "mine"}, "'auth' must be an AuthenticationBackend"),
        ({"auth": "host", "tokens": LINES}, "Give either 'auth', or tokens"),
        ({"oidc_issuer": "https://id.example.com"}, "belong together"),
        ({"tokens": "ci sha256:12 read"}, "its second word is no hash"),
        ({"tokens": f"ci {TOKENS['read']} read"}, "its second word is no hash"),
        ({"tokens": token_line("ci", "x", ["read"]).replace("read", "raed")}, "there is no scope 'raed'"),
        ({"tokens": token_line("ci", "x", ["read"]) + " limits=a"}, "its fourth word must be pipelines=NAME"),
        ({"tokens": LINES + "\n" + token_line("reader", "x", ["read"])}, "have the same name: 'reader'"),
        ({"tokens": LINES + "\n" + token_line("other", TOKENS["read"], ["read"])}, "have the same hash"),
        ({"tokens": "ci 'sha256"}, "is no token: No closing quotation"),
        ({"token_file": "/nowhere/tokens"}, "cannot be read: [Errno 2]"),
        ({"allowed_hosts": ["https://app.example.com"]}, "is no host to allow"),
        ({"cors_origins": ["app.example.com"]}, "is no origin"),
        ({"cors_origins": ["https://app.example.com/page"]}, "is no origin"),
        ({"cors_origins": ["https://app.example.com#page"]}, "is no origin"),
    ],
)
def test_wrong_settings_of_access_are_refused(project: Path, options: dict[str, object], message: str) -> None:
    with pytest.raises(ServerSettingsError) as caught:
        create_http_server(project, store="memory:", **options)
    assert message in str(caught.value)
    assert TOKENS["read"] not in str(caught.value)


async def test_a_token_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text(f"# callers\n\n{token_line('one', TOKENS['read'], ['read'])}  # the first\n")
    tokens = await anyio.to_thread.run_sync(lambda: TokenFile(file, look_seconds=0))
    assert (await tokens.find(TOKENS["read"])).name == "one"
    file.write_text("broken\n")
    assert (await tokens.find(TOKENS["read"])).name == "one"
    file.write_text(token_line("two", TOKENS["admin"], ["read"]) + "\n")
    assert await tokens.find(TOKENS["read"]) is None
    assert (await tokens.find(TOKENS["admin"])).name == "two"
    file.unlink()
    assert await tokens.find(TOKENS["admin"]) is None
    file.write_text(token_line("two", TOKENS["admin"], ["read"]) + "\n")
    assert (await tokens.find(TOKENS["admin"])).name == "two"


def change(number: int) -> dict[str, object]:
    return {"type": "http", "method": "POST", "path": f"/runs/{number}/cancel", "client": ("10.0.0.7", 1)}


def test_many_changes_within_a_second_are_counted(caplog) -> None:
    caplog.set_level(logging.INFO, "kedro_asgi.audit")
    audit = AuditLog()
    for number in (*range(20), *[7] * 30, *[8] * 12):
        audit.log_change(change(number), 202)
    lines = [record.getMessage() for record in caplog.records]
    assert lines == [f"'unknown' from 10.0.0.7: POST /runs/{number}/cancel: 202" for number in range(20)]
    audit.write_counts()
    lines = [record.getMessage() for record in caplog.records][20:]
    assert lines == [
        "'unknown' from 10.0.0.7: POST /runs/7/cancel: 202 (30 times)",
        "'unknown' from 10.0.0.7: POST /runs/8/cancel: 202 (12 times)",
    ]


class BrokenBackend(AuthenticationBackend):
    """A backend with a fault."""

    async def authenticate(self, conn):
        raise LookupError("no database")


async def test_a_fault_in_a_backend_lets_no_caller_in_and_is_logged(project: Path, serve, caplog) -> None:
    caplog.set_level(logging.INFO, "kedro_asgi.audit")
    async with serve(project, auth=BrokenBackend(), store="memory:") as http:
        assert (await http.post("/run", json={})).status_code == 500
        assert (await http.get("/runs")).status_code == 500
    lines = [record.getMessage() for record in caplog.records if record.name == "kedro_asgi.audit"]
    assert lines == ["'unknown' from 127.0.0.1: POST /run: 500"]


async def test_a_limited_caller_gets_no_values_of_other_pipelines(make_project, serve) -> None:
    catalog = "r:\n  type: json.JSONDataset\n  filepath: data/r.json\n"
    project = make_project(REGISTRY, catalog=catalog, files={"data/r.json": '"hidden value"'})
    async with serve(project, tokens=LINES, store="memory:") as http:
        for body in (
            {"outputs": ["r"]},
            {"outputs": ["l", "r"]},
            {"from_inputs": ["params:b"], "outputs": ["r"]},
            {"to_outputs": ["r"], "outputs": ["r"]},
            {"node_names": ["right_node"], "outputs": ["r"]},
            {"load_versions": {"r": "1"}, "outputs": ["r"]},
        ):
            answer = await http.post("/run", json={"pipeline_names": ["left"], **body}, headers=bearer(LIMITED))
            assert "hidden value" not in answer.text
            typed = await http.post("/pipelines/left/run", json=body, headers=bearer(LIMITED))
            assert "hidden value" not in typed.text


async def test_a_key_of_another_caller_leads_to_no_run_of_other_pipelines(http: httpx.AsyncClient) -> None:
    async with http:
        key = {"Idempotency-Key": "shared"}
        body = {"pipeline_names": ["right"]}
        assert (await http.post("/runs", json=body, headers={**key, **bearer(TOKENS["admin"])})).status_code == 202
        assert (await http.post("/runs", json=body, headers={**key, **bearer(LIMITED)})).status_code == 403
        mine = await http.post("/runs", json={"pipeline_names": ["left"]}, headers={**key, **bearer(LIMITED)})
        assert mine.status_code == 422
        assert "right" not in mine.text


async def test_values_are_hidden_by_patterns_of_the_project(make_project, serve) -> None:
    project = make_project(parameters="a: 1\nb: 2\nown_pin: p1n0\napi_token: t0p\n")
    file = project / "pyproject.toml"
    file.write_text(f'{file.read_text()}\n[tool.kedro-asgi]\nhidden_values = ["*PIN*", "b"]\n')
    async with serve(project, store="memory:", viz=True, mcp=True) as http:
        params = {"a": 5, "b": 77, "my_pin": "p1n1", "deep": {"password": "x1x", "pins": ["p1n2"], "shown": 3}}
        run = (await http.post("/runs?wait=60", json={"params": params})).json()
        assert run["request"]["params"] == {
            "a": 5,
            "b": "<redacted>",
            "my_pin": "<redacted>",
            "deep": {"password": "<redacted>", "pins": "<redacted>", "shown": 3},
        }
        properties = (await http.get("/pipelines/calc/schema")).json()["properties"]["params"]["properties"]
        assert (properties["a"].get("default"), properties["b"].get("default")) == (1, None)
        answers = [(await http.get(path)).text for path in ("/snapshot", "/runs", "/openapi.json", "/api/main")]
        assert not [text for text in answers for value in ("p1n0", "p1n1", "p1n2", "t0p", "x1x") if value in text]


async def test_the_caller_of_a_run_is_known_where_callers_have_shares(
    project: Path, serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KEDRO_SERVER_FAIR_SHARES", "true")
    monkeypatch.setenv("KEDRO_SERVER_MAX_CONCURRENT_RUNS", "0")
    async with serve(project, tokens=LINES, store=str(tmp_path / "runs.db")) as http:
        for token in (TOKENS["run"], LIMITED, TOKENS["admin"]):
            body = {"pipeline_names": ["left"]}
            assert (await http.post("/runs", json=body, headers=bearer(token))).status_code == 202
    with closing(sqlite3.connect(tmp_path / "runs.db")) as store:
        callers = store.execute("SELECT caller FROM runs ORDER BY run_id").fetchall()
    assert callers == [("runer",), ("limited",), ("adminer",)]

"""Requests that a browser was led to send: other hosts, and pages of other sites."""

from pathlib import Path

import pytest

from kedro_asgi.server.access.hosts import AllowedHosts

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("host", "is_allowed"),
    [
        ("localhost", True),
        ("localhost:8000", True),
        ("LOCALHOST", True),
        ("app.localhost:8000", True),
        ("127.0.0.1:8000", True),
        ("192.168.1.5", True),
        ("[::1]:8000", True),
        ("kedro:8000", True),
        ("evil.example", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("evil.example:127", False),
        ("localhost@evil.example", False),
        ("evil.example#localhost", False),
        ("127.0.0.1:80:80", False),
        ("[::1].evil.example", False),
        ("localhost\t", False),
        ("", False),
        ("localhost, evil.example", False),
        ("app.example.com", True),
        ("deep.app.example.com", False),
        ("a.b.example.org", True),
        ("example.org", False),
        ("evilexample.org", False),
    ],
)
def test_a_server_answers_to_its_own_names(host: str, is_allowed: bool) -> None:
    hosts = AllowedHosts(["local", "app.example.com", "*.example.org"])
    assert hosts.allow(host.encode()) is is_allowed


async def test_a_page_of_another_site_cannot_reach_the_server_under_that_sites_name(tiny: Path, serve) -> None:
    async with serve(tiny, allowed_hosts=["local"], store="memory:") as http:
        for method, path in (("GET", "/runs"), ("GET", "/health"), ("POST", "/run"), ("GET", "/nope")):
            answer = await http.request(method, path, headers={"Host": "evil.example:8000"})
            assert (answer.status_code, answer.json()["type"]) == (400, "urn:kedro-asgi:problem:forbidden-host")
        assert "KEDRO_SERVER_ALLOWED_HOSTS" in answer.json()["detail"]
        several = await http.get("/runs", headers=[("Host", "localhost"), ("Host", "evil.example")])
        assert several.status_code == 400
        assert (await http.get("/runs", headers={"Host": "localhost:1"})).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://server.evil.example"},
        {"Origin": "http://server:81"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://server"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    ],
)
async def test_a_page_of_another_site_cannot_change_anything(tiny: Path, serve, headers: dict[str, str]) -> None:
    async with serve(tiny, store="memory:", cors_origins=["https://app.example.com"]) as http:
        for path in ("/run", "/runs", "/reload", "/runs/x/cancel", "/pipelines/__default__/run"):
            answer = await http.post(path, headers=headers)
            assert (answer.status_code, answer.json()["type"]) == (403, "urn:kedro-asgi:problem:forbidden-origin")
        assert (await http.get("/runs")).json()["runs"] == []


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://server"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "http://behind.a.proxy"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://app.example.com"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://app.example.com"},
    ],
)
async def test_pages_of_the_server_and_other_programs_can(tiny: Path, serve, headers: dict[str, str]) -> None:
    async with serve(tiny, store="memory:", cors_origins=["https://app.example.com"]) as http:
        assert (await http.post("/run", json={}, headers=headers)).status_code == 200


@pytest.mark.parametrize("allowed", ["https://app.example.com", "https://App.example.com:443"])
async def test_pages_of_allowed_sites_may_read_the_answers(tiny: Path, serve, allowed: str) -> None:
    async with serve(tiny, store="memory:", cors_origins=[allowed]) as http:
        asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
        preflight = await http.options("/run", headers={"Origin": "https://app.example.com", **asked})
        assert preflight.headers["access-control-allow-origin"] == "https://app.example.com"
        assert "access-control-allow-credentials" not in preflight.headers
        other = await http.options("/run", headers={"Origin": "https://evil.example", **asked})
        assert (other.status_code, "access-control-allow-origin" in other.headers) == (400, False)
        read = await http.get("/runs", headers={"Origin": "https://app.example.com"})
        assert read.headers["access-control-allow-origin"] == "https://app.example.com"
        assert {"Location", "Run-Id"} <= set(read.headers["access-control-expose-headers"].split(", "))
        assert "access-control-allow-origin" not in (await http.get("/runs", headers={"Origin": "https://x"})).headers
